//! From when until when a certificate holds (RFC 5280, section 4.1.2.5), for warnings only: whether
//! to believe it is the client's to decide.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT Version`; absent in version 1.
const VERSION: u8 = 0xa0;

/// `None` where the certificate is not written as the standard says.
pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
    let mut certificate = Der(certificate).expect(SEQUENCE)?;
    let mut body = certificate.expect(SEQUENCE)?;
    let (tag, _) = body.clone().next()?;
    if tag == VERSION {
        body.next()?;
    }
    body.expect(INTEGER)?;
    // The algorithm of the signature and who signed.
    body.expect(SEQUENCE)?;
    body.expect(SEQUENCE)?;
    let mut validity = body.expect(SEQUENCE)?;
    Some(Validity { from: time(validity.next()?)?, until: time(validity.next()?)? })
}

fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 12 => {
            let year = text[..2].parse::<i16>().ok()?;
            // Two digits mean 1950 to 2049.
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        GENERALIZED_TIME if text.len() == 14 => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let two = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let civil = DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, 0).ok()?;
    Some(TimeZone::UTC.to_zoned(civil).ok()?.timestamp())
}

/// What is left of a run of DER values (X.690): tag, length, content.
#[derive(Debug, Clone)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match usize::from(*length) {
            short @ ..0x80 => (short, rest),
            // As many bytes of length follow; four are more than any certificate has.
            0x80 | 0x85.. => return None,
            long => {
                let (digits, rest) = rest.split_at_checked(long - 0x80)?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<Self> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| Self(content))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["host.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let validity = of(&made((1999, 12, 31), (2049, 6, 1))).unwrap();
        assert_eq!(validity.from.to_string(), "1999-12-31T00:00:00Z");
        assert_eq!(validity.until.to_string(), "2049-06-01T00:00:00Z");
        let far = of(&made((2024, 2, 29), (2150, 1, 1))).unwrap();
        assert_eq!(far.until.to_string(), "2150-01-01T00:00:00Z");
    }

    #[test]
    fn whatever_is_cut_or_changed_does_no_harm() {
        let whole = made((2020, 1, 1), (2030, 1, 1));
        for end in 0..whole.len() {
            of(&whole[..end]);
        }
        for at in 0..200 {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            of(&changed);
        }
        assert_eq!(of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
