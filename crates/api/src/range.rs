//! Which part of a resource a request asks for (RFC 9110, sections 13 and 14).

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::Problem;

/// What is to be sent. Ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Bytes {
        from: u64,
        to: u64,
    },
    /// Nothing of it is there (416).
    None,
    /// The client has it already (304).
    Unchanged,
}

/// Reads the headers of a request for something of `length` bytes whose strong tag is `tag`, quotes
/// included. Several ranges at once are answered with the whole, as the RFC allows.
pub(crate) fn asked(method: &Method, headers: &HeaderMap, (length, tag): (u64, &str)) -> Part {
    if let Some(known) = headers.get(header::IF_NONE_MATCH).and_then(text) {
        let matches = |one: &str| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag;
        if known.split(',').map(str::trim).any(matches) {
            return Part::Unchanged;
        }
    }
    // A range means something for GET alone (section 14.2), and after an If-Range only while the tag is the same.
    let same = headers.get(header::IF_RANGE).is_none_or(|known| text(known) == Some(tag));
    if *method != Method::GET || !same {
        return Part::Whole;
    }
    let mut ranges = headers.get_all(header::RANGE).iter();
    match (ranges.next().and_then(text), ranges.next()) {
        (Some(range), None) => read(range, length),
        _ => Part::Whole,
    }
}

/// The answer where nothing of it is there: 416, with how long `what` is.
pub(crate) fn beyond(what: &str, length: u64) -> Response {
    let detail = format!("{what} has {length} bytes now");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", detail);
    with_range(problem.into_response(), &format!("bytes */{length}"))
}

/// The answer says which part it is. The end is exclusive.
pub(crate) fn part_of(response: Response, (from, to): (u64, u64), length: u64) -> Response {
    with_range(response, &format!("bytes {from}-{}/{length}", to - 1))
}

fn with_range(mut response: Response, range: &str) -> Response {
    let range = HeaderValue::from_str(range).expect("digits and punctuation");
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    response
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// A header that cannot be understood is as if it were not there (section 14.2).
fn read(range: &str, length: u64) -> Part {
    let Some((unit, set)) = range.split_once('=') else { return Part::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Part::Whole;
    }
    let part = match (first.is_empty(), last.is_empty()) {
        (true, true) => return Part::Whole,
        // The last so many.
        (true, false) => number(last).map(|count| (length.saturating_sub(count), length)),
        (false, true) => number(first).map(|from| (from, length)),
        (false, false) => match (number(first), number(last)) {
            (Some(from), Some(last)) if from <= last => Some((from, last.saturating_add(1).min(length))),
            _ => None,
        },
    };
    match part {
        None => Part::Whole,
        Some((from, to)) if from < to => Part::Bytes { from, to },
        Some(_) => Part::None,
    }
}

/// Digits only: `u64` would take a sign. One too large to hold is beyond every end.
fn number(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn ask(length: u64, headers: &[(&'static str, &str)]) -> Part {
        let headers = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        asked(&Method::GET, &headers.collect(), (length, "\"a\""))
    }

    #[test]
    fn one_range_is_read_and_what_is_none_is_ignored() {
        let bytes = |from, to| Part::Bytes { from, to };
        for (range, part) in [
            ("bytes=0-0", bytes(0, 1)),
            ("bytes=0-99", bytes(0, 100)),
            ("bytes=10-", bytes(10, 100)),
            ("bytes=-10", bytes(90, 100)),
            ("bytes=-1000", bytes(0, 100)),
            ("bytes=50-99999999999999999999999", bytes(50, 100)),
            ("Bytes = 5-6", bytes(5, 7)),
            ("bytes=100-", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=99999999999999999999999-", Part::None),
            ("bytes=5-4", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes", Part::Whole),
            ("bytes=--1", Part::Whole),
        ] {
            assert_eq!(ask(100, &[("range", range)]), part, "{range}");
        }
        assert_eq!(ask(0, &[("range", "bytes=0-")]), Part::None);
        assert_eq!(ask(0, &[]), Part::Whole);
    }

    #[test]
    fn tags_decide_whether_a_part_still_fits() {
        let part = Part::Bytes { from: 1, to: 2 };
        assert_eq!(ask(9, &[("range", "bytes=1-1"), ("if-range", "\"a\"")]), part);
        for other in ["\"b\"", "W/\"a\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(ask(9, &[("range", "bytes=1-1"), ("if-range", other)]), Part::Whole, "{other}");
        }
        for known in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
            assert_eq!(
                ask(9, &[("if-none-match", known), ("range", "bytes=1-1")]),
                Part::Unchanged,
                "{known}"
            );
        }
        assert_eq!(ask(9, &[("if-none-match", "\"b\""), ("range", "bytes=1-1")]), part);
        let headers = [(header::RANGE, HeaderValue::from_static("bytes=1-1"))].into_iter().collect();
        assert_eq!(asked(&Method::HEAD, &headers, (9, "\"a\"")), Part::Whole);
    }
}
