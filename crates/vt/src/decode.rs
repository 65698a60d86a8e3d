//! A line of scrollback back to cells, for reflow and export.

use crate::cell::{BLANK, Cell, SPACER, Style, WIDE};
use crate::intern::{Ext, Interner, Link};
use crate::parser::csi::Csi;
use crate::parser::{Actions, Parser};
use crate::screen::sgr;
use crate::width::char_width;
use std::sync::Arc;

/// Appends the cells of an encoded line to `cells`.
pub(crate) fn decode_line(bytes: &[u8], interner: &mut Interner, cells: &mut Vec<Cell>) {
    let mut decoder = Decoder { interner, cells, style: Style::DEFAULT };
    Parser::default().feed(bytes, &mut decoder);
}

struct Decoder<'a> {
    interner: &'a mut Interner,
    cells: &'a mut Vec<Cell>,
    style: Style,
}

impl Actions for Decoder<'_> {
    fn text(&mut self, ascii: &[u8]) {
        let style = self.style;
        self.cells.extend(ascii.iter().map(|b| Cell { glyph: u32::from(*b), style }));
    }

    fn print(&mut self, c: char) {
        let style = self.style;
        match char_width(c) {
            0 => {
                let Some(at) = self.cells.iter().rposition(|cell| !cell.has(SPACER)) else {
                    return;
                };
                self.cells[at].glyph = self.interner.combine(self.cells[at], c);
            }
            1 => self.cells.push(Cell { glyph: u32::from(c), style }),
            _ => {
                self.cells.push(Cell { glyph: u32::from(c) | WIDE, style });
                self.cells.push(Cell { glyph: BLANK.glyph | SPACER, style });
            }
        }
    }

    fn csi(&mut self, csi: &Csi) {
        sgr::apply(csi, &mut self.style, self.interner);
    }

    fn osc(&mut self, payload: &[u8], _bell: bool) {
        let text = String::from_utf8_lossy(payload);
        let mut parts = text.splitn(3, ';').skip(1);
        let (Some(params), Some(uri)) = (parts.next(), parts.next()) else { return };
        let id = params.strip_prefix("id=").map(str::to_owned);
        let link = (!uri.is_empty()).then(|| Arc::new(Link { id, uri: uri.to_owned() }));
        let ext = Ext { link, ..self.interner.ext(self.style) };
        self.style.ext = self.interner.ext_number(ext);
    }

    fn control(&mut self, _byte: u8) {}
    fn escape(&mut self, _intermediates: &[u8], _byte: u8) {}
    fn dcs(&mut self, _payload: &[u8]) {}
}
