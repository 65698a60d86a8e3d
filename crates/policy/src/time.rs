//! Windows of the week.

use std::collections::BTreeMap;

use crate::fault::{Fault, Faults};
use crate::rules::{Day, TimeWindow};

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;
/// The week begins on Monday; the count of seconds began on a Thursday.
const EPOCH_DAY: i64 = 3;

/// A window that has been read.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Minutes of the week at which it begins.
    starts: Vec<i64>,
    minutes: i64,
    pub(crate) zone: String,
}

impl Window {
    pub(crate) fn read(window: &TimeWindow) -> Result<Self, (&'static str, String)> {
        let from = minute(&window.from).filter(|minute| *minute < DAY);
        let from = from.ok_or(("from", "not a time between 00:00 and 23:59".to_owned()))?;
        let to = minute(&window.to).ok_or(("to", "not a time between 00:00 and 24:00".to_owned()))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
        if window.zone.is_empty() || window.zone.len() > 64 || !window.zone.chars().all(allowed) {
            return Err(("zone", "not the name of a time zone, such as Europe/Paris or UTC".to_owned()));
        }
        let minutes = if to > from { to - from } else { to + DAY - from };
        let every = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let days = if window.days.is_empty() { &every[..] } else { &window.days[..] };
        let starts = days.iter().map(|day| *day as i64 * DAY + from).collect();
        Ok(Self { starts, minutes, zone: window.zone.clone() })
    }

    fn contains(&self, minute_of_week: i64) -> bool {
        self.starts.iter().any(|start| (minute_of_week - start).rem_euclid(WEEK) < self.minutes)
    }
}

impl Window {
    /// How many minutes it stays open; `None` while it is closed.
    fn left(&self, minute_of_week: i64) -> Option<i64> {
        let past = |start: &i64| (minute_of_week - start).rem_euclid(WEEK);
        self.starts.iter().map(past).filter(|past| *past < self.minutes).map(|past| self.minutes - past).max()
    }
}

/// `HH:MM` in minutes.
fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= DAY).then_some(hours * 60 + minutes)
}

/// Minutes since Monday 00:00 at `now` (seconds since 1970), `offset` seconds east of UTC.
pub(crate) fn minute_of_week(now: i64, offset: i32) -> i64 {
    let minutes = now.saturating_add(offset.into()).div_euclid(60);
    (minutes.rem_euclid(WEEK) + EPOCH_DAY * DAY).rem_euclid(WEEK)
}

/// Whether one of `windows` is open at `now`; none of them is always. `None` when it cannot be said,
/// because a zone is not among `offsets`.
pub(crate) fn open(windows: &[Window], now: i64, offsets: &BTreeMap<String, i32>) -> Option<bool> {
    if windows.is_empty() {
        return Some(true);
    }
    let mut unknown = false;
    for window in windows {
        match offsets.get(&window.zone) {
            Some(offset) if window.contains(minute_of_week(now, *offset)) => return Some(true),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

/// Windows that have been read: for whoever has some that belong to no rule.
#[derive(Debug, Clone, Default)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// # Errors
    /// What is wrong, and in which of them.
    pub fn read(windows: &[TimeWindow]) -> Result<Self, Faults> {
        let fault = |number: usize, (field, what): (&str, String)| Fault {
            place: format!("times[{number}].{field}"),
            what,
        };
        let read = windows
            .iter()
            .enumerate()
            .map(|(number, window)| Window::read(window).map_err(|wrong| Faults(vec![fault(number, wrong)])));
        Ok(Self(read.collect::<Result<_, _>>()?))
    }

    /// Names of the zones that they are in.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|window| window.zone.as_str())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is open at `now` (seconds since 1970), and how many seconds it stays so if no
    /// zone changes its offset; at most a week. A zone that is not among `offsets` (seconds east of UTC) is never
    /// open. None of them is always open.
    pub fn open_for(&self, now: i64, offsets: &BTreeMap<String, i32>) -> Option<i64> {
        let week = WEEK * 60;
        if self.0.is_empty() {
            return Some(week);
        }
        let left_at = |at: i64| {
            let left = self.0.iter().filter_map(|window| {
                let offset = *offsets.get(&window.zone)?;
                let second = at.saturating_add(offset.into()).rem_euclid(60);
                Some(window.left(minute_of_week(at, offset))? * 60 - second)
            });
            left.max()
        };
        let mut open = left_at(now)?;
        // One may begin where another ends.
        while let Some(more) = left_at(now.saturating_add(open)) {
            open += more;
            if open >= week {
                return Some(week);
            }
        }
        Some(open)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn window(days: &[Day], from: &str, to: &str) -> Window {
        let window = TimeWindow { days: days.to_vec(), from: from.into(), to: to.into(), zone: "UTC".into() };
        Window::read(&window).unwrap()
    }

    #[test]
    fn the_week_begins_on_monday() {
        // 2026-03-02 is a Monday; `date -u -d '2026-03-02 10:30' +%s`.
        assert_eq!(minute_of_week(1_772_447_400, 0), 10 * 60 + 30);
        assert_eq!(minute_of_week(1_772_447_400, 8 * 3600), 18 * 60 + 30);
        assert_eq!(minute_of_week(0, 0), 3 * DAY);
        assert_eq!(minute_of_week(-60, 0), 3 * DAY - 1);
    }

    #[test]
    fn a_window_goes_over_midnight_and_over_sunday() {
        let night = window(&[Day::Sun], "22:00", "06:00");
        assert!(night.contains(6 * DAY + 22 * 60) && night.contains(5 * 60 + 59));
        assert!(!night.contains(6 * 60) && !night.contains(6 * DAY + 22 * 60 - 1));
        assert!(!night.contains(DAY + 60), "only the night that begins on Sunday");
        let all = window(&[], "00:00", "24:00");
        assert!(all.contains(0) && all.contains(WEEK - 1));
    }

    #[test]
    fn a_zone_that_is_not_told_is_not_guessed() {
        let windows = [window(&[], "09:00", "17:00")];
        assert_eq!(open(&windows, 12 * 3600, &BTreeMap::new()), None);
        assert_eq!(open(&windows, 12 * 3600, &BTreeMap::from([("UTC".into(), 0)])), Some(true));
        assert_eq!(open(&windows, 18 * 3600, &BTreeMap::from([("UTC".into(), 0)])), Some(false));
    }

    #[test]
    fn open_windows_say_how_long_they_stay_so() {
        let read = |from: &str, to: &str| TimeWindow {
            days: Vec::new(),
            from: from.into(),
            to: to.into(),
            zone: "UTC".into(),
        };
        let utc = BTreeMap::from([("UTC".to_owned(), 0)]);
        let day = Windows::read(&[read("09:00", "17:00")]).unwrap();
        assert_eq!(day.open_for(9 * 3600 + 30, &utc), Some(8 * 3600 - 30));
        assert_eq!(day.open_for(17 * 3600, &utc), None);
        assert_eq!(day.open_for(9 * 3600, &BTreeMap::new()), None);
        let two = Windows::read(&[read("17:00", "18:00"), read("09:00", "17:00")]).unwrap();
        assert_eq!(two.open_for(16 * 3600, &utc), Some(2 * 3600));
        let always = Windows::read(&[read("00:00", "12:00"), read("12:00", "24:00")]).unwrap();
        assert_eq!(always.open_for(5, &utc), Some(WEEK * 60));
        assert_eq!(Windows::default().open_for(5, &utc), Some(WEEK * 60));
        assert!(Windows::read(&[read("09:00", "25:00")]).is_err());
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for text in ["9:00", "25:00", "24:01", "12:60", "12", "ab:cd", "-1:00"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }
}
