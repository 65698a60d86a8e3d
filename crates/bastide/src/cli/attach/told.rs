//! What happens to a person's commands, as a line between the program's own.

use bastide_wire::control::CommandNotice;

use crate::cli::list::printable;

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// In the language of the person's terminal.
pub(super) fn words(english: String, command: &CommandNotice) -> String {
    let language = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    in_language(english, command, language.as_deref())
}

fn in_language(english: String, command: &CommandNotice, language: Option<&str>) -> String {
    if language.is_some_and(|language| language.starts_with("zh")) && !command.zh.is_empty() {
        return command.zh.clone();
    }
    english
}

/// On a line of its own; `within`: the cursor is in the middle of one.
pub(super) fn line(words: &str, level: &str, within: bool) -> String {
    let colour = match level {
        "error" => RED,
        "warning" => YELLOW,
        _ => "",
    };
    let before = if within { "\r\n" } else { "" };
    format!("{before}{colour}[{}]{PLAIN}\r\n", printable(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_red_and_in_the_language_of_the_terminal() {
        let command =
            CommandNotice {
                level: "error".into(), zh: "命令被拦截: rm".into(), ..CommandNotice::default()
            };
        let chinese = in_language("command refused: rm".into(), &command, Some("zh_CN.UTF-8"));
        assert_eq!(line(&chinese, &command.level, false), "\x1b[31m[命令被拦截: rm]\x1b[0m\r\n");
        let english = in_language("command refused: rm".into(), &command, Some("C.UTF-8"));
        assert_eq!(line(&english, "info", true), "\r\n[command refused: rm]\x1b[0m\r\n");
    }

    #[test]
    fn nothing_in_it_moves_the_cursor() {
        assert!(!line("a\x1b[2Jb", "info", false).contains("\x1b[2J"));
    }
}
