//! How shells come to tell their lines: what is put into the environment and the private `/run` of a
//! session. It is context for who reads the log, and a courtesy to who types. A shell can switch it
//! off, and then only its lines are missing.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::LINE_PATH;

/// Files of the hooks, inside the session.
const FOLDER: &str = "/run/bastide-shell";

/// Where a session finds the settings of zsh that it had asked for.
const ZSH_FOLDER: &str = "BASTIDE_ZDOTDIR";

/// Writes what zsh and fish read. The files belong to us; the session cannot change them.
pub(super) fn furnish() -> io::Result<()> {
    let zsh = Path::new(FOLDER).join("zsh");
    let fish = Path::new(FOLDER).join("fish/vendor_conf.d");
    fs::create_dir_all(&zsh)?;
    fs::create_dir_all(&fish)?;
    fs::write(zsh.join(".zshenv"), zsh_settings())?;
    fs::write(fish.join("bastide.fish"), fish_settings())
}

/// The first file that zsh reads; after it, all is where it would have been.
fn zsh_settings() -> String {
    format!(
        "if [[ -n ${{{ZSH_FOLDER}-}} ]]; then ZDOTDIR=${ZSH_FOLDER}; else unset ZDOTDIR; fi\n\
         unset {ZSH_FOLDER}\n\
         if [[ -r ${{ZDOTDIR:-$HOME}}/.zshenv ]]; then . \"${{ZDOTDIR:-$HOME}}/.zshenv\"; fi\n\
         if [[ -o interactive ]]; then\n\
         \x20 _bastide_line() {{ (exec {LINE_PATH} zsh \"$1\") 2>/dev/null; return 0 }}\n\
         \x20 preexec_functions+=(_bastide_line)\n\
         fi\n"
    )
}

/// fish looks whether a program is there before it starts it; sh does not.
fn fish_settings() -> String {
    format!(
        "function _bastide_line --on-event fish_preexec\n\
         \x20 /bin/sh -c 'exec {LINE_PATH} fish \"$1\"' sh $argv[1] 2>/dev/null\n\
         end\n"
    )
}

/// Adds to `environment` (`NAME=value` each) what makes the shell at `program` tell its lines.
pub(super) fn add(program: &[u8], environment: &mut Vec<Vec<u8>>) {
    let name = Path::new(std::ffi::OsStr::from_bytes(program)).file_name();
    let value = |environment: &[Vec<u8>], name: &str| {
        environment
            .iter()
            .find_map(|pair| pair.strip_prefix(format!("{name}=").as_bytes()))
            .map(<[u8]>::to_vec)
    };
    match name.and_then(|name| name.to_str()) {
        Some("bash") => {
            let telling = format!("$(exec {LINE_PATH} bash \"$(history 1)\" 2>/dev/null)");
            put(environment, "PS0", telling.as_bytes());
        }
        Some("zsh") => {
            if let Some(own) = value(environment, "ZDOTDIR") {
                put(environment, ZSH_FOLDER, &own);
            }
            put(environment, "ZDOTDIR", format!("{FOLDER}/zsh").as_bytes());
        }
        Some("fish") => {
            let usual = value(environment, "XDG_DATA_DIRS");
            let usual = usual.unwrap_or_else(|| b"/usr/local/share:/usr/share".to_vec());
            put(environment, "XDG_DATA_DIRS", &[FOLDER.as_bytes(), b":", &usual].concat());
        }
        _ => {}
    }
}

/// Instead of any that is there.
fn put(environment: &mut Vec<Vec<u8>>, name: &str, value: &[u8]) {
    let start = format!("{name}=");
    environment.retain(|pair| !pair.starts_with(start.as_bytes()));
    environment.push([start.as_bytes(), value].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(program: &str, environment: &[&str]) -> Vec<String> {
        let mut all = environment.iter().map(|pair| pair.as_bytes().to_vec()).collect();
        add(program.as_bytes(), &mut all);
        all.into_iter().map(|pair| String::from_utf8(pair).expect("it is text")).collect()
    }

    #[test]
    fn each_shell_gets_its_own_and_keeps_what_it_had() {
        assert!(
            added("/bin/bash", &["A=1"]).iter().any(|pair| pair.starts_with("PS0=$(exec /run/bastide-line"))
        );
        let zsh = added("/usr/bin/zsh", &["ZDOTDIR=/home/ada/zsh"]);
        assert_eq!(zsh, ["BASTIDE_ZDOTDIR=/home/ada/zsh", "ZDOTDIR=/run/bastide-shell/zsh"]);
        let fish = added("fish", &["XDG_DATA_DIRS=/x"]);
        assert_eq!(fish, ["XDG_DATA_DIRS=/run/bastide-shell:/x"]);
        assert_eq!(added("/bin/sh", &["A=1"]), ["A=1"]);
    }
}
