//! What of a session's environment is kept: names and values, and of what looks like a secret the name
//! only.

use std::collections::BTreeMap;

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "********";

/// Parts of names of variables that hold secrets, in capitals.
const SECRET: [&str; 9] =
    ["TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "KEY", "CREDENTIAL", "AUTH", "COOKIE"];

/// Longest value kept, in bytes: enough to see what it is.
const MAX_VALUE: usize = 1024;

pub(crate) fn masked(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    environment.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
}

fn shown(name: &str, value: &str) -> String {
    let name = name.to_ascii_uppercase();
    let secret =
        SECRET.iter().any(|part| name.contains(part)) || name.ends_with("PASS") || holds_login(value);
    if secret && !value.is_empty() {
        return MASK.to_owned();
    }
    let cut = value.floor_char_boundary(MAX_VALUE);
    let printable = value[..cut].chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    printable.collect()
}

/// `scheme://user:password@host` (RFC 3986, section 3.2.1).
fn holds_login(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_shown() {
        let look = |name: &str, value: &str| shown(name, value) == MASK;
        for name in
            ["GITHUB_TOKEN", "db_password", "AWS_SECRET_ACCESS_KEY", "MyKey", "SSH_AUTH_SOCK", "PGPASS"]
        {
            assert!(look(name, "x"), "{name}");
        }
        assert!(look("DATABASE_URL", "postgres://me:hunter2@db/x") && look("A", "b c http://u:p@h"));
        for (name, value) in
            [("LANG", "C"), ("URL", "https://h/a@b:c"), ("URL", "git@host:x"), ("API_KEY", "")]
        {
            assert_eq!(shown(name, value), value, "{name}");
        }
        assert_eq!(shown("A", "a\u{1b}[31m"), "a\u{fffd}[31m");
        assert_eq!(shown("A", &"ä".repeat(1000)).len(), MAX_VALUE);
    }
}
