//! Lengths of time as people write them: `90`, `90s`, `30m`, `2h`, `1d`, `1h30m`.

use std::time::Duration;

const UNITS: [(u64, &str); 4] = [(86400, "d"), (3600, "h"), (60, "m"), (1, "s")];

/// Reads a length of time; a bare number is seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const EXAMPLES: &str = "write it like 90s, 30m, 2h, 1d or 1h30m";
    let mut seconds = 0_u64;
    let mut number = String::new();
    let with_unit =
        if text.ends_with(|c: char| c.is_ascii_digit()) { format!("{text}s") } else { text.to_owned() };
    for c in with_unit.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(EXAMPLES.to_owned()),
        };
        let part = number.parse::<u64>().map_err(|_| EXAMPLES.to_owned())?;
        number.clear();
        seconds = part.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or("too long")?;
    }
    if seconds == 0 { Err(EXAMPLES.to_owned()) } else { Ok(Duration::from_secs(seconds)) }
}

/// As [`parse`] reads it: `1d2h`.
pub(crate) fn exact(seconds: u64) -> String {
    let mut left = seconds;
    let mut text = String::new();
    for (size, unit) in UNITS {
        if left >= size {
            text.push_str(&format!("{}{unit}", left / size));
            left %= size;
        }
    }
    text
}

/// The two largest units: `3d 4h`, `12m 5s`.
pub(crate) fn short(seconds: u64) -> String {
    let first = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[first];
    match UNITS.get(first + 1) {
        Some((smaller, name)) if seconds % size / smaller > 0 => {
            format!("{}{unit} {}{name}", seconds / size, seconds % size / smaller)
        }
        _ => format!("{}{unit}", seconds / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        let seconds = |text| parse(text).map(|d| d.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(seconds("1d"), Ok(86400));
        for bad in ["", "0", "m", "5x", "-3s", "99999999999999999999", "999999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ages_have_two_units_at_most() {
        let texts = [0, 59, 60, 61, 3600, 90061].map(short);
        assert_eq!(texts, ["0s", "59s", "1m", "1m 1s", "1h", "1d 1h"]);
    }
}
