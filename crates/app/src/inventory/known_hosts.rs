//! known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), names that are hashed too.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::ssh_config::matches;

/// One key and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) mark: Mark,
    names: &'a str,
    /// `algorithm base64`, and a remark.
    pub(crate) key: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Authority,
    Revoked,
}

/// Every line that can be one of a key.
pub(crate) fn parse(text: &str) -> Vec<Line<'_>> {
    text.lines().enumerate().filter_map(|(number, line)| Line::read(number + 1, line.trim())).collect()
}

impl<'a> Line<'a> {
    fn read(line: usize, text: &'a str) -> Option<Self> {
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let (mark, rest) = match text.split_once(char::is_whitespace) {
            Some(("@cert-authority", rest)) => (Mark::Authority, rest.trim_start()),
            Some(("@revoked", rest)) => (Mark::Revoked, rest.trim_start()),
            _ => (Mark::None, text),
        };
        let (names, key) = rest.split_once(char::is_whitespace)?;
        let key = key.trim();
        key.contains(char::is_whitespace).then_some(Self { line, mark, names, key })
    }

    /// Whether the key is this server's.
    pub(crate) fn is_of(&self, host: &str, port: u16) -> bool {
        let host = host.to_lowercase();
        // With port 22 the name alone; ssh looks for both.
        let mut wanted = vec![format!("[{host}]:{port}")];
        if port == 22 {
            wanted.push(host);
        }
        if let Some(hashed) = self.names.strip_prefix("|1|") {
            return wanted.iter().any(|name| is_hash_of(hashed, name));
        }
        let mut any = false;
        for pattern in self.names.split(',') {
            let (pattern, negated) = pattern.strip_prefix('!').map_or((pattern, false), |rest| (rest, true));
            if wanted.iter().any(|name| matches(pattern, name)) {
                if negated {
                    return false;
                }
                any = true;
            }
        }
        any
    }
}

/// `salt|hash`: HMAC-SHA1 of the name, keyed with the salt, both in base64.
fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Some(salt), Some(hash)) = (base64(salt), base64(hash)) else { return false };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    mac.update(name.as_bytes());
    mac.verify_slice(&hash).is_ok()
}

/// RFC 4648, section 4; at most what a salt or a hash has.
fn base64(text: &str) -> Option<Vec<u8>> {
    const MOST: usize = 64;
    if text.len() > MOST {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}
