use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::{Account, Error};

const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The daemon's own variables that mean the same to every account: language and time zone.
const SHARED: [&str; 3] = ["LANG", "LANGUAGE", "TZ"];
/// The daemon's own variables that mean something to its own account only.
const PERSONAL: [&str; 3] = ["PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// Names with these prefixes carry the daemon's secrets, sockets and settings (sd_notify(3),
/// sd_listen_fds(3)); no program on a terminal gets one, asked for or not.
const WITHHELD_PREFIXES: [&str; 4] = ["BASTIDE_", "RUST_PTY_", "LISTEN_", "CREDENTIALS_DIRECTORY"];
const WITHHELD: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "INVOCATION_ID", "JOURNAL_STREAM", "MAINPID"];

/// The complete environment of a program of `account`: what a login sets, the daemon's language,
/// time zone and, for its own account, PATH; then `requested` over it.
///
/// # Errors
/// [`Error::Variable`] for a name that is empty or holds `=` or NUL, [`Error::Nul`] for a value
/// with NUL.
pub fn environment(
    account: &Account,
    requested: &BTreeMap<String, String>,
) -> Result<Vec<(OsString, OsString)>, Error> {
    let daemon: Vec<_> = std::env::vars_os().collect();
    build(account, account.is_own(), &daemon, requested)
}

fn build(
    account: &Account,
    own: bool,
    daemon: &[(OsString, OsString)],
    requested: &BTreeMap<String, String>,
) -> Result<Vec<(OsString, OsString)>, Error> {
    let path = if account.uid == 0 { ROOT_PATH } else { USER_PATH };
    let mut all: BTreeMap<OsString, OsString> = BTreeMap::new();
    let mut set = |name: &str, value: &OsStr| all.insert(name.into(), value.into());
    set("HOME", account.home.as_os_str());
    set("USER", account.name.as_ref());
    set("LOGNAME", account.name.as_ref());
    set("SHELL", account.shell.as_os_str());
    set("PATH", path.as_ref());
    set("TERM", "xterm-256color".as_ref());
    set("COLORTERM", "truecolor".as_ref());
    set("LANG", "C.UTF-8".as_ref());
    for (name, value) in daemon {
        if is_passed_on(name, own) && !value.is_empty() {
            all.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in requested {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Error::Variable { name: name.clone() });
        }
        if value.contains('\0') {
            return Err(Error::Nul { what: "value of an environment variable" });
        }
        if !withholds(name) {
            all.insert(name.into(), value.into());
        }
    }
    Ok(all.into_iter().collect())
}

fn is_passed_on(name: &OsStr, own: bool) -> bool {
    let listed = |names: &[&str]| names.iter().any(|listed| name == OsStr::new(listed));
    listed(&SHARED) || name.as_bytes().starts_with(b"LC_") || (own && listed(&PERSONAL))
}

/// Whether no program gets a variable of that name, asked for or not: names that are the daemon's own.
pub fn withholds(name: &str) -> bool {
    WITHHELD.contains(&name) || WITHHELD_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            uid: 1234,
            gid: 1234,
            name: "ada".into(),
            home: "/home/ada".into(),
            shell: "/bin/zsh".into(),
            groups: vec![1234],
        }
    }

    fn daemon() -> Vec<(OsString, OsString)> {
        [
            ("PATH", "/opt/own/bin"),
            ("LC_TIME", "de_DE.UTF-8"),
            ("TZ", "Europe/Berlin"),
            ("HOME", "/root"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("BASTIDE_TOKEN", "x"),
            ("NOTIFY_SOCKET", "/run/x"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec()
    }

    fn built(own: bool, requested: &[(&str, &str)]) -> BTreeMap<String, String> {
        let requested =
            requested.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        build(&account(), own, &daemon(), &requested)
            .expect("valid names")
            .into_iter()
            .map(|(name, value)| {
                let text = |text: OsString| text.into_string().expect("is UTF-8");
                (text(name), text(value))
            })
            .collect()
    }

    #[test]
    fn another_account_gets_a_login_environment_and_nothing_of_the_daemon_but_its_language() {
        let all = built(false, &[]);
        let expected = [
            ("COLORTERM", "truecolor"),
            ("HOME", "/home/ada"),
            ("LANG", "C.UTF-8"),
            ("LC_TIME", "de_DE.UTF-8"),
            ("LOGNAME", "ada"),
            ("PATH", USER_PATH),
            ("SHELL", "/bin/zsh"),
            ("TERM", "xterm-256color"),
            ("TZ", "Europe/Berlin"),
            ("USER", "ada"),
        ];
        let all: Vec<_> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn the_own_account_keeps_its_path() {
        assert_eq!(built(true, &[])["PATH"], "/opt/own/bin");
    }

    #[test]
    fn what_is_asked_for_wins_but_the_daemons_names_are_withheld() {
        let all = built(
            true,
            &[
                ("TERM", "dumb"),
                ("PROJECT", "a=b"),
                ("BASTIDE_TOKEN", "x"),
                ("RUST_PTY_TOKEN_PATH", "x"),
                ("LISTEN_FDS", "3"),
                ("NOTIFY_SOCKET", "/x"),
            ],
        );
        assert_eq!(all["TERM"], "dumb");
        assert_eq!(all["PROJECT"], "a=b");
        for name in ["BASTIDE_TOKEN", "RUST_PTY_TOKEN_PATH", "LISTEN_FDS", "NOTIFY_SOCKET"] {
            assert!(!all.contains_key(name), "{name}");
        }
    }

    #[test]
    fn names_and_values_that_cannot_stand_in_an_environment_are_refused() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0y")] {
            let requested = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert!(environment(&account(), &requested).is_err(), "{name:?}={value:?}");
        }
    }
}
