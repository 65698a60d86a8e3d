//! Lists in pieces.

/// Which piece of a list.
#[derive(Debug, Clone, Copy)]
pub struct Piece<K> {
    /// Rows at most, at least 1.
    pub limit: u32,
    /// The key of the last row of the piece before.
    pub after: Option<K>,
}

/// Cuts what was read, one row more than asked for, to a piece; and the key of its last row where there
/// are more.
pub(crate) fn cut<T, K>(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> (Vec<T>, Option<K>) {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(key);
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_piece_names_the_next_only_where_there_is_more() {
        assert_eq!(cut(vec![1, 2, 3], 2, |n| *n), (vec![1, 2], Some(2)));
        assert_eq!(cut(vec![1, 2], 2, |n| *n), (vec![1, 2], None));
        assert_eq!(cut(Vec::<u32>::new(), 2, |n| *n), (vec![], None));
    }
}
