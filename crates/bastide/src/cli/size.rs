//! A terminal's size as an argument: `120x40`.

use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cols: u16,
    pub(crate) rows: u16,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (cols, rows) = text.split_once(['x', 'X'])?;
            Some(Self { cols: cols.parse().ok()?, rows: rows.parse().ok()? })
        };
        read()
            .filter(|size| size.cols > 0 && size.rows > 0)
            .ok_or_else(|| "write it as COLSxROWS, like 120x40".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_columns_by_rows() {
        assert_eq!("120x40".parse(), Ok(Size { cols: 120, rows: 40 }));
        for bad in ["", "80", "0x24", "80x0", "x", "80x24x2", "70000x24", "-1x5"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?}");
        }
    }
}
