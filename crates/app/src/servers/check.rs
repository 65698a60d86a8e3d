//! What a server may be called and where it may be, with words that say what is wrong.

use std::net::IpAddr;

use bastide_store::ServerSettings;

use crate::Error;

/// Names are shown in lists, titles and questions.
const MAX_NAME: usize = 100;
/// RFC 1035, section 2.3.4.
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;
/// More is a sign that tags are used for something else.
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 64;
const MAX_PLATFORM: usize = 40;
/// A page of text.
const MAX_NOTES: usize = 4_000;

fn invalid(text: String) -> Error {
    Error::Invalid(text)
}

/// Some visible characters without blanks around them.
fn is_shown(text: &str, most: usize) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= most
        && !text.chars().any(char::is_control)
}

pub(crate) fn name(field: &str, name: &str) -> Result<(), Error> {
    match is_shown(name, MAX_NAME) {
        true => Ok(()),
        false => Err(invalid(format!(
            "{field}: 1 to {MAX_NAME} characters, no control characters, no blanks around it"
        ))),
    }
}

/// A host name or an address, as it is dialled. Names are not looked up here.
pub(crate) fn host(host: &str) -> Result<(), Error> {
    if host.is_empty() || host.len() > MAX_HOST {
        return Err(invalid(format!("host: a name or an address of at most {MAX_HOST} characters")));
    }
    if host.starts_with('[') || host.ends_with(']') {
        return Err(invalid("host: an IPv6 address stands without brackets".to_owned()));
    }
    if host.parse::<IpAddr>().is_ok() || is_scoped(host) {
        return Ok(());
    }
    if host.contains(':') {
        return Err(invalid(
            "host: neither a name nor an IPv6 address; the port has a field of its own".to_owned(),
        ));
    }
    if !host.is_ascii() {
        return Err(invalid(
            "host: an international name stands in its ASCII form, which begins with xn--".to_owned(),
        ));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && !label.starts_with('-')
            && label.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-' || one == b'_')
    };
    match host.strip_suffix('.').unwrap_or(host).split('.').all(is_label) {
        true => Ok(()),
        false => Err(invalid(
            "host: letters, digits, hyphens and underscores between dots, or an address".to_owned(),
        )),
    }
}

/// An IPv6 address on one link, RFC 4007: `fe80::1%eth0`.
fn is_scoped(host: &str) -> bool {
    host.split_once('%').is_some_and(|(address, zone)| {
        address.parse::<std::net::Ipv6Addr>().is_ok()
            && !zone.is_empty()
            && zone.bytes().all(|one| one.is_ascii_alphanumeric() || b"._-".contains(&one))
    })
}

pub(crate) fn tag(tag: &str) -> Result<(), Error> {
    match is_shown(tag, MAX_TAG) && !tag.contains(',') {
        true => Ok(()),
        false => Err(invalid(format!(
            "a tag: 1 to {MAX_TAG} characters, no commas, no control characters, no blanks around it"
        ))),
    }
}

/// Everything that can be judged without knowing the other servers. Tags are put in order.
pub(crate) fn settings(settings: &mut ServerSettings) -> Result<(), Error> {
    name("name", &settings.name)?;
    host(&settings.host)?;
    port("port", Some(settings.port))?;
    port("agent_port", settings.node.agent_port)?;
    let platform = &settings.platform;
    let is_word =
        |word: &str| word.bytes().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_');
    if platform.is_empty() || platform.len() > MAX_PLATFORM || !is_word(platform) {
        return Err(invalid(format!(
            "platform: 1 to {MAX_PLATFORM} of a-z, 0-9 and underscore, such as linux or cisco_ios"
        )));
    }
    settings.tags.iter().try_for_each(|one| tag(one))?;
    settings.tags.sort();
    settings.tags.dedup();
    if settings.tags.len() > MAX_TAGS {
        return Err(invalid(format!("tags: at most {MAX_TAGS}")));
    }
    if let Some(group) = &settings.group {
        name("group", group)?;
    }
    let is_text = |text: &str| !text.chars().any(|one| one.is_control() && one != '\n' && one != '\t');
    match settings.notes.as_deref() {
        Some(notes) if notes.chars().count() > MAX_NOTES || !is_text(notes) => Err(invalid(format!(
            "notes: at most {MAX_NOTES} characters, no control characters but line breaks and tabs"
        ))),
        _ => Ok(()),
    }
}

fn port(field: &str, port: Option<u16>) -> Result<(), Error> {
    match port {
        Some(0) => Err(invalid(format!("{field}: 1 to 65535"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses_and_nothing_else() {
        for good in [
            "a",
            "web-01.example.com",
            "web_1",
            "10.0.0.1",
            "::1",
            "fe80::1%eth0",
            "xn--bcher-kva.example",
            "a.",
        ] {
            assert!(host(good).is_ok(), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            " a",
            "a b",
            "a..b",
            ".",
            "-a",
            "[::1]",
            "a:22",
            "bücher.example",
            "a/b",
            "a\u{7}",
            "u@h",
            &long,
            "%eth0",
            "::1%",
        ] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn settings_are_put_in_order_or_refused() {
        let good = ServerSettings {
            name: "网关 1".to_owned(),
            host: "h".to_owned(),
            port: 22,
            platform: "linux".to_owned(),
            tags: ["b", "a", "b"].map(str::to_owned).to_vec(),
            ..ServerSettings::default()
        };
        let mut read = good.clone();
        settings(&mut read).unwrap();
        assert_eq!(read.tags, ["a", "b"]);
        let bad = [
            ServerSettings { name: " x".to_owned(), ..good.clone() },
            ServerSettings { name: "a\u{1b}[31m".to_owned(), ..good.clone() },
            ServerSettings { port: 0, ..good.clone() },
            ServerSettings { platform: "Linux!".to_owned(), ..good.clone() },
            ServerSettings { tags: vec!["a,b".to_owned()], ..good.clone() },
            ServerSettings { tags: (0..51).map(|n| n.to_string()).collect(), ..good.clone() },
            ServerSettings { group: Some(String::new()), ..good.clone() },
            ServerSettings { notes: Some("\u{0}".to_owned()), ..good },
        ];
        for mut one in bad {
            assert!(settings(&mut one).is_err(), "{one:?}");
        }
    }
}
