//! What does not fit into a cell, stored once: clusters of combining characters, links, underline
//! colours. Entries are freed by marking what the screen still uses; the scrollback holds text, not
//! numbers, so it is never searched.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cell::{CLUSTER, Cell, Colour, Style};

/// Links and underline colours on screen at once. Further ones are shown without: 4096 links of
/// the largest size are 8 MB, the most a hostile program can make us hold.
const MAX_EXTS: usize = 4096;
/// Before this many clusters nothing is collected.
const MIN_CLUSTERS: usize = 4096;
/// A full table that stays full is searched again only after so many refusals.
const REFUSALS_PER_SEARCH: u32 = 1024;
/// Code points in one cell. More (so-called Zalgo text) are dropped.
const MAX_CLUSTER_CHARS: usize = 16;

/// A hyperlink (OSC 8).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Link {
    pub(crate) id: Option<String>,
    pub(crate) uri: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Ext {
    pub(crate) underline: Colour,
    pub(crate) link: Option<Arc<Link>>,
}

#[derive(Default)]
pub(crate) struct Interner {
    exts: Vec<Option<Ext>>,
    free_exts: Vec<u16>,
    ext_numbers: HashMap<Ext, u16>,
    clusters: Vec<Option<Arc<str>>>,
    free_clusters: Vec<u32>,
    cluster_numbers: HashMap<Arc<str>, u32>,
    cluster_limit: usize,
    refusals: u32,
}

/// The entries still in use, filled by the owner of the cells.
pub(crate) struct Marks {
    exts: Vec<bool>,
    clusters: Vec<bool>,
}

impl Marks {
    pub(crate) fn cell(&mut self, cell: Cell) {
        self.style(cell.style);
        if cell.has(CLUSTER)
            && let Some(mark) = self.clusters.get_mut(cell.value() as usize)
        {
            *mark = true;
        }
    }

    pub(crate) fn style(&mut self, style: Style) {
        if let Some(mark) = usize::from(style.ext).checked_sub(1).and_then(|i| self.exts.get_mut(i)) {
            *mark = true;
        }
    }
}

impl Interner {
    /// Whether the owner should mark and sweep before the next entry.
    pub(crate) fn wants_sweep(&self) -> bool {
        let exts_full = self.free_exts.is_empty() && self.exts.len() >= MAX_EXTS;
        (exts_full && self.refusals.is_multiple_of(REFUSALS_PER_SEARCH))
            || self.cluster_numbers.len() >= self.cluster_limit.max(MIN_CLUSTERS)
    }

    pub(crate) fn marks(&self) -> Marks {
        Marks { exts: vec![false; self.exts.len()], clusters: vec![false; self.clusters.len()] }
    }

    /// Frees every entry that is not marked.
    pub(crate) fn sweep(&mut self, marks: &Marks) {
        for (i, slot) in self.exts.iter_mut().enumerate() {
            if !marks.exts.get(i).copied().unwrap_or(false)
                && let Some(ext) = slot.take()
            {
                self.ext_numbers.remove(&ext);
                self.free_exts.push(i as u16);
            }
        }
        for (i, slot) in self.clusters.iter_mut().enumerate() {
            if !marks.clusters.get(i).copied().unwrap_or(false)
                && let Some(text) = slot.take()
            {
                self.cluster_numbers.remove(&text);
                self.free_clusters.push(i as u32);
            }
        }
        self.cluster_limit = (self.cluster_numbers.len() * 2).max(MIN_CLUSTERS);
    }

    /// The number for `ext` in a style; 0 for the empty one and when the table is full.
    pub(crate) fn ext_number(&mut self, ext: Ext) -> u16 {
        if ext == Ext::default() {
            return 0;
        }
        if let Some(&number) = self.ext_numbers.get(&ext) {
            return number;
        }
        let index = match self.free_exts.pop() {
            Some(index) => index,
            None if self.exts.len() < MAX_EXTS => {
                self.exts.push(None);
                (self.exts.len() - 1) as u16
            }
            None => {
                self.refusals = self.refusals.wrapping_add(1);
                return 0;
            }
        };
        self.refusals = 0;
        self.exts[usize::from(index)] = Some(ext.clone());
        self.ext_numbers.insert(ext, index + 1);
        index + 1
    }

    pub(crate) fn ext(&self, style: Style) -> Ext {
        usize::from(style.ext)
            .checked_sub(1)
            .and_then(|i| self.exts.get(i).cloned().flatten())
            .unwrap_or_default()
    }

    /// The glyph of `cell` with `c` added to its cluster; unchanged when the cluster is full.
    pub(crate) fn combine(&mut self, cell: Cell, c: char) -> u32 {
        let mut text = String::new();
        self.push_text(cell, &mut text);
        if text.chars().count() >= MAX_CLUSTER_CHARS {
            return cell.glyph;
        }
        text.push(c);
        let flags = cell.glyph & !((1 << 24) - 1);
        flags | CLUSTER | self.cluster_number(&text)
    }

    fn cluster_number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.cluster_numbers.get(text) {
            return number;
        }
        let text: Arc<str> = text.into();
        let number = self.free_clusters.pop().unwrap_or_else(|| {
            self.clusters.push(None);
            (self.clusters.len() - 1) as u32
        });
        self.clusters[number as usize] = Some(text.clone());
        self.cluster_numbers.insert(text, number);
        number
    }

    /// Appends what `cell` shows; nothing for the right half of a wide character.
    pub(crate) fn push_text(&self, cell: Cell, out: &mut String) {
        if cell.has(crate::cell::SPACER) {
            return;
        }
        match self.cluster(cell) {
            Some(text) => out.push_str(text),
            None => out.push(char::from_u32(cell.value()).unwrap_or(' ')),
        }
    }

    pub(crate) fn cluster(&self, cell: Cell) -> Option<&str> {
        if !cell.has(CLUSTER) {
            return None;
        }
        self.clusters.get(cell.value() as usize)?.as_deref()
    }
}
