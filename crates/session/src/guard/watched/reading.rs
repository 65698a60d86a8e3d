//! From a line of the screen to the command in it.

use bastide_vt::CursorLine;

use super::typed::Typed;

/// What a line may be, each to be judged; the strictest verdict counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// As people read it, and the log.
    pub(crate) text: String,
    /// Other ways to read it.
    others: Vec<String>,
    /// With the lines before it, when it goes on from them.
    together: Option<String>,
}

impl Line {
    pub(crate) fn readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.text).chain(&self.others).chain(&self.together).map(String::as_str)
    }

    /// What a line after this one may go on from.
    pub(crate) fn together(&self) -> &str {
        self.together.as_deref().unwrap_or(&self.text)
    }
}

/// Prompts of shells for the rest of a command.
const GOES_ON: [&str; 24] = [
    ">",
    "quote>",
    "dquote>",
    "bquote>",
    "pipe>",
    "heredoc>",
    "cmdsubst>",
    "cmdor>",
    "cmdand>",
    "for>",
    "while>",
    "until>",
    "if>",
    "then>",
    "else>",
    "elif>",
    "case>",
    "select>",
    "function>",
    "subsh>",
    "cursh>",
    "braceparam>",
    "math>",
    "array>",
];

/// What asks for something that nobody may keep.
const SECRETS: [&str; 14] = [
    "password",
    "passphrase",
    "passcode",
    "passwd",
    "pin:",
    "pin ",
    "otp",
    "one-time",
    "verification code",
    "token:",
    "secret",
    "密码",
    "口令",
    "验证码",
];

/// What pagers say, of devices and of programs that do without the other screen.
const PAGERS: [&str; 7] =
    ["--more--", "---- more ----", "-- more --", "<--- more --->", "(end)", "press any key", "press <space>"];

/// Marks at the end of a prompt.
const MARKS: [&str; 7] = ["$ ", "# ", "% ", "> ", "❯ ", "➜ ", "λ "];

/// The command in the line. `None`: there is none, or none that may be read.
pub(crate) fn read(shown: &CursorLine, prompt: Option<&str>, typed: &Typed, carried: &str) -> Option<Line> {
    let mut line = format!("{}{}", shown.before, shown.after);
    let visible = typed.shown_in(shown);
    let lower = line.to_lowercase();
    if PAGERS.iter().any(|pager| lower.contains(pager)) {
        return None;
    }
    if visible.is_none() && asks_for_a_secret(prompt.unwrap_or(&line)) {
        return None;
    }
    let known = prompt.filter(|prompt| !prompt.trim().is_empty());
    // Some shells break long lines themselves.
    let begins_above = known.is_some_and(|prompt| !line.starts_with(prompt) && shown.above.contains(prompt));
    if let Some(prompt) = known.filter(|_| begins_above) {
        let whole = format!("{}{line}", shown.above);
        line = whole.rfind(prompt).and_then(|at| whole.get(at..)).unwrap_or_default().to_owned();
    }
    // What is right of the cursor then is a suggestion that was not taken.
    let exact =
        known.and_then(|prompt| shown.before.strip_prefix(prompt)).filter(|text| Some(*text) == visible);
    let mut readings: Vec<String> = exact.map(|text| text.trim().to_owned()).into_iter().collect();
    if exact.is_some() {
        line.clear();
    }
    match known.and_then(|prompt| line.strip_prefix(prompt)) {
        _ if line.is_empty() => {}
        Some(command) => readings.push(command.trim().to_owned()),
        None => {
            readings
                .extend(searched(&line).or_else(|| after_a_mark(&line)).map(|text| text.trim().to_owned()));
            readings.push(line.trim().to_owned());
        }
    }
    readings.retain(|reading| !reading.is_empty());
    if let Some(typed) = visible.map(str::trim).filter(|typed| !readings.iter().any(|known| known == typed)) {
        readings.push(typed.to_owned());
    }
    let mut readings = readings.into_iter();
    let text = readings.next()?;
    Some(Line { together: together(prompt, carried, &text), text, others: readings.collect() })
}

fn asks_for_a_secret(prompt: &str) -> bool {
    let lower = prompt.to_lowercase();
    SECRETS.iter().any(|word| lower.contains(word))
}

/// Of a history search: ``(reverse-i-search)`ab': tab``.
fn searched(line: &str) -> Option<&str> {
    let is_search =
        ["i-search)`", "i-search:", "bck-i-search", "fwd-i-search"].iter().any(|mark| line.contains(mark));
    let at = line.find("': ").filter(|_| is_search)?;
    line.get(at + 3..)
}

fn after_a_mark(line: &str) -> Option<&str> {
    let first = MARKS.iter().filter_map(|mark| line.find(mark).map(|at| at + mark.len())).min()?;
    line.get(first..)
}

fn together(prompt: Option<&str>, carried: &str, text: &str) -> Option<String> {
    let goes_on = prompt.is_some_and(|prompt| GOES_ON.contains(&prompt.trim()));
    if carried.is_empty() || !goes_on {
        return None;
    }
    Some(match carried.strip_suffix('\\') {
        Some(before) => format!("{before}{text}"),
        None => format!("{carried}\n{text}"),
    })
}
