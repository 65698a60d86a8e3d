//! Which session a word on the command line means.

use bastide_ptyd_client::{Client, SessionInfo};
use uuid::Uuid;

use super::exit::Failure;

/// Digits of a short id. They are the last of the uid: the first ones of a UUIDv7 are the time, and
/// alike for sessions made in the same minute.
const SHORT_DIGITS: usize = 8;
/// Fewest digits that name a session by part of its uid.
const FEWEST_DIGITS: usize = 4;

/// The id people see.
pub(crate) fn short_id(uid: Uuid) -> String {
    let digits = uid.simple().to_string();
    digits[digits.len() - SHORT_DIGITS..].to_owned()
}

/// A word that finds the session again: its name, else its short id.
pub(crate) fn label(info: &SessionInfo) -> String {
    match (&info.name, info.uid) {
        (Some(name), _) => name.clone(),
        (None, Some(uid)) => short_id(uid),
        (None, None) => info.id.to_string(),
    }
}

/// The session that `word` names: by name (one that runs before one that has ended), uid, or the
/// beginning or end of a uid.
pub(crate) fn find<'a>(all: &'a [SessionInfo], word: &str) -> Result<&'a SessionInfo, Failure> {
    let named: Vec<_> = all.iter().filter(|info| info.name.as_deref() == Some(word)).collect();
    let alive: Vec<_> = named.iter().copied().filter(|info| info.is_alive).collect();
    let by_uid: Vec<_> =
        all.iter().filter(|info| info.uid.is_some_and(|uid| is_part_of(word, uid))).collect();
    let candidates = [alive, named, by_uid].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    match candidates.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::NotFound(format!("no session {word:?}; `bastide ls` lists them"))),
        several => {
            let ids: Vec<_> = several.iter().filter_map(|info| info.uid).map(short_id).collect();
            Err(Failure::text(format!("{word:?} names several sessions; use an id: {}", ids.join(", "))))
        }
    }
}

/// True for the beginning or the end of a uid, if it is not too short.
pub(crate) fn is_part_of(word: &str, uid: Uuid) -> bool {
    let digits = word.replace('-', "").to_ascii_lowercase();
    let uid = uid.simple().to_string();
    digits.len() >= FEWEST_DIGITS && (uid.starts_with(&digits) || uid.ends_with(&digits))
}

/// As [`find`]; without a word, the running session used last.
pub(crate) async fn choose(client: &Client, word: Option<&str>) -> Result<SessionInfo, Failure> {
    let all = client.list().await?;
    if let Some(word) = word {
        return find(&all, word).cloned();
    }
    let used = |info: &&SessionInfo| {
        let time = |text: &str| text.parse::<u64>().unwrap_or_default();
        (time(&info.last_attached_at).max(time(&info.created_at)), info.uid)
    };
    let newest = all.iter().filter(|info| info.is_alive).max_by_key(used);
    newest.cloned().ok_or_else(|| Failure::NotFound("no session runs; `bastide new` starts one".to_owned()))
}

/// `wanted` if no running session has that name, else `wanted-2`, `wanted-3`, ….
pub(crate) fn free_name(all: &[SessionInfo], wanted: &str) -> String {
    let taken = |name: &str| all.iter().any(|info| info.is_alive && info.name.as_deref() == Some(name));
    if !taken(wanted) {
        return wanted.to_owned();
    }
    // One more than there are sessions is free at the latest.
    (2..=all.len() + 2).map(|n| format!("{wanted}-{n}")).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn session(id: u32, name: Option<&str>, uid: &str, is_alive: bool) -> SessionInfo {
        SessionInfo {
            id,
            pid: 1,
            pts: String::new(),
            is_alive,
            created_at: "0".into(),
            last_attached_at: "0".into(),
            uid: Some(uid.parse().unwrap()),
            name: name.map(str::to_owned),
            detail: None,
            control: None,
            limits: None,
            barred: Vec::new(),
        }
    }

    fn some() -> Vec<SessionInfo> {
        vec![
            session(1, Some("build"), "0199a3f2-1c4d-7aaa-8000-00000000aaaa", false),
            session(2, Some("build"), "0199a3f2-1c4d-7bbb-8000-00000000bbbb", true),
            session(3, None, "0199a3f2-1c4d-7ccc-8000-1234abcdcccc", true),
        ]
    }

    #[test]
    fn a_running_session_comes_before_an_ended_one_of_the_same_name() {
        assert_eq!(find(&some(), "build").unwrap().id, 2);
    }

    #[test]
    fn ids_are_found_by_their_beginning_and_end() {
        assert_eq!(find(&some(), "abcdcccc").unwrap().id, 3);
        assert_eq!(find(&some(), "0199A3F2-1c4d-7aaa").unwrap().id, 1);
        assert_eq!(find(&some(), &short_id(some()[2].uid.unwrap())).unwrap().id, 3);
        assert!(matches!(find(&some(), "0199a3f2"), Err(Failure::Other(_))));
        assert!(matches!(find(&some(), "ccc"), Err(Failure::NotFound(_))));
        assert!(matches!(find(&some(), ""), Err(Failure::NotFound(_))));
    }

    #[test]
    fn a_new_name_avoids_the_names_of_running_sessions() {
        assert_eq!(free_name(&some(), "build"), "build-2");
        assert_eq!(free_name(&some()[..1], "build"), "build");
    }
}
