//! Lists in pieces.

use std::str::FromStr;

use axum::http::StatusCode;
use bastide_app::page::Piece;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::Problem;

const DEFAULT: u16 = 100;
const MOST: u16 = 500;
/// A key of ours is a name of at most 100 characters or a UUID.
const MAX_CURSOR: usize = 1024;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(crate) struct Page {
    /// How many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub(crate) limit: Option<u16>,
    /// `next` of the piece before.
    pub(crate) cursor: Option<String>,
}

/// Which piece of a list that is ordered by a key.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) limit: usize,
    /// The key of the last row that was sent.
    pub(crate) after: Option<String>,
}

impl Paging {
    pub(crate) fn read(page: &Page) -> Result<Self, Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        let limit = page.limit.unwrap_or(DEFAULT);
        if limit == 0 || limit > MOST {
            return Err(invalid("limit: 1 to 500"));
        }
        let after = page.cursor.as_deref().map(|cursor| decode(cursor).ok_or(())).transpose();
        let after = after.map_err(|()| invalid("cursor: not one of ours"))?;
        Ok(Self { limit: usize::from(limit), after })
    }

    /// A piece that is cut where the rows are kept, by their own key.
    pub(crate) fn piece<K: FromStr>(page: &Page) -> Result<Piece<K>, Problem> {
        let Self { limit, after } = Self::read(page)?;
        let after = after.map(|after| after.parse()).transpose();
        let after = after.map_err(|_| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "cursor: not one of this list")
        })?;
        Ok(Piece { limit: u32::try_from(limit).unwrap_or(1), after })
    }

    /// The rows of this piece out of all, which come with their keys in ascending order, and the next cursor.
    pub(crate) fn of<T>(&self, rows: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let rest = rows.skip_while(|(key, _)| self.after.as_ref().is_some_and(|after| key <= after));
        let mut taken: Vec<_> = rest.take(self.limit + 1).collect();
        let more = taken.len() > self.limit;
        taken.truncate(self.limit);
        let next = more.then(|| taken.last().map(|(key, _)| encode(key))).flatten();
        (taken.into_iter().map(|(_, row)| row).collect(), next)
    }
}

/// Opaque to clients: hexadecimal needs no escaping anywhere.
pub(crate) fn encode(key: &str) -> String {
    bastide_app::hex::encode(key.as_bytes())
}

fn decode(cursor: &str) -> Option<String> {
    let digits = cursor.as_bytes();
    if digits.is_empty() || digits.len() > MAX_CURSOR || !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let bytes = digits.chunks_exact(2).map(|pair| Some(value(&pair[0])? << 4 | value(&pair[1])?));
    String::from_utf8(bytes.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(names: &[&str]) -> impl Iterator<Item = (String, String)> {
        names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect::<Vec<_>>().into_iter()
    }

    fn page(limit: u16, cursor: Option<String>) -> Paging {
        Paging::read(&Page { limit: Some(limit), cursor }).unwrap_or_else(|_| panic!("refused"))
    }

    #[test]
    fn pieces_put_together_are_the_list_also_when_rows_come_and_go() {
        let (first, next) = page(2, None).of(rows(&["a", "b", "c", "d"]));
        assert_eq!(first, ["a", "b"]);
        let (second, next) = page(2, next).of(rows(&["0", "a", "c", "cc", "d"]));
        assert_eq!(second, ["c", "cc"]);
        let (third, next) = page(2, next).of(rows(&["d"]));
        assert_eq!((third, next), (vec!["d".to_owned()], None));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for bad in ["", "0", "zz", "ff", &"00".repeat(600), "é"] {
            assert!(Paging::read(&Page { limit: None, cursor: Some(bad.to_owned()) }).is_err(), "{bad:?}");
        }
        for limit in [0, 501] {
            assert!(Paging::read(&Page { limit: Some(limit), cursor: None }).is_err());
        }
    }
}
