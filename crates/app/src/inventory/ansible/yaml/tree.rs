//! YAML as a tree with line numbers, within bounds: a text of a few lines cannot become gigabytes.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::Error;
use crate::inventory::ansible::{MAX_DEPTH, SEALED};

/// What is nested in a group's place: `children`, the group, its `hosts`, the host, a variable's list or table.
const MAX_NESTING: usize = 2 * MAX_DEPTH + 8;
/// Keys, values and ends; an inventory of the most servers with twenty variables each has a fifth of it.
const MAX_EVENTS: usize = 500_000;
/// All that `*name` stands for, together, each time that it stands there.
const MAX_REPEATED: usize = 100_000;

pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
    /// Of it and all in it.
    size: usize,
}

pub(super) enum Content {
    /// Also numbers and words like `true`; nothing (`~`, `null`) is empty.
    Text(String),
    /// Of `ansible-vault`.
    Sealed,
    Table(Vec<(Key, Rc<Node>)>),
    /// What is in one is of no use here.
    List,
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A table or a list whose end has not come.
struct Open {
    anchor: usize,
    line: usize,
    size: usize,
    /// None: a list.
    rows: Option<Vec<(Key, Rc<Node>)>>,
    key: Option<Key>,
    /// Rows of other tables that hold where its own say nothing.
    defaults: Vec<(Key, Rc<Node>)>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    repeated: usize,
    root: Option<Rc<Node>>,
}

/// # Errors
/// `Invalid`, which names the place, and never quotes it: it may be a password.
pub(super) fn read(text: &str) -> Result<Rc<Node>, Error> {
    let mut builder = Builder::default();
    let mut documents = 0;
    for (count, event) in Parser::new_from_str(text).enumerate() {
        let (event, span) = event.map_err(|error| {
            invalid(error.marker().line(), &format!("column {}: this is no YAML", error.marker().col() + 1))
        })?;
        let line = span.start.line();
        if count > MAX_EVENTS {
            return Err(invalid(line, "more than an inventory of so many servers has"));
        }
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(invalid(line, "a second document begins; an inventory is one"));
            }
        }
        builder.take(event, span).map_err(|why| invalid(line, why))?;
    }
    builder.root.ok_or_else(|| invalid(1, "there is nothing in it"))
}

fn invalid(line: usize, why: &str) -> Error {
    Error::Invalid(format!("text: line {line}: {why}"))
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), &'static str> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(line, text.into_owned());
                }
                let content = scalar(text.into_owned(), style, tag.as_deref());
                self.place(anchor, Node { line, content, size: 1 })
            }
            Event::MappingStart(anchor, _) => self.begin(anchor, line, Some(Vec::new())),
            Event::SequenceStart(anchor, _) => self.begin(anchor, line, None),
            Event::MappingEnd | Event::SequenceEnd => {
                let Open { anchor, line, size, rows, defaults, .. } =
                    self.open.pop().ok_or("an end without a beginning")?;
                // The last of a name counts.
                let whole = |rows| defaults.into_iter().chain(rows).collect();
                let content = rows.map_or(Content::List, |rows| Content::Table(whole(rows)));
                self.place(anchor, Node { line, content, size })
            }
            Event::Alias(anchor) => {
                if self.wants_key() {
                    return Err("a key that is an alias");
                }
                // One inside itself is not there before its end either.
                let node = self.anchors.get(&anchor).cloned().ok_or("an alias of what is not there yet")?;
                self.repeated = self.repeated.saturating_add(node.size);
                if self.repeated > MAX_REPEATED {
                    return Err("aliases that stand for too much");
                }
                self.put(node)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.rows.is_some() && open.key.is_none())
    }

    fn key(&mut self, line: usize, text: String) -> Result<(), &'static str> {
        let open = self.open.last_mut().ok_or("a key in no table")?;
        open.key = Some(Key { line, text });
        Ok(())
    }

    fn begin(
        &mut self,
        anchor: usize,
        line: usize,
        rows: Option<Vec<(Key, Rc<Node>)>>,
    ) -> Result<(), &'static str> {
        if self.wants_key() {
            return Err("a key that is a table or a list");
        }
        if self.open.len() >= MAX_NESTING {
            return Err("tables and lists too deep in one another");
        }
        self.open.push(Open { anchor, line, size: 1, rows, key: None, defaults: Vec::new() });
        Ok(())
    }

    fn place(&mut self, anchor: usize, node: Node) -> Result<(), &'static str> {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node)
    }

    fn put(&mut self, node: Rc<Node>) -> Result<(), &'static str> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.size = open.size.saturating_add(node.size);
        let Some(rows) = &mut open.rows else { return Ok(()) };
        let key = open.key.take().ok_or("a value without a key")?;
        match (&node.content, key.text.as_str()) {
            // The merge key of YAML 1.1, as Ansible reads it: what stands in the table itself goes before.
            (Content::Table(defaults), "<<") => {
                let copy = |(name, value): &(Key, Rc<Node>)| (name.clone(), Rc::clone(value));
                open.defaults.extend(defaults.iter().map(copy));
            }
            _ => rows.push((key, node)),
        }
        Ok(())
    }
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Content {
    if tag.is_some_and(|tag| tag.suffix == "vault") || text.trim_start().starts_with(SEALED) {
        return Content::Sealed;
    }
    match style == ScalarStyle::Plain && matches!(text.as_str(), "~" | "null" | "Null" | "NULL") {
        true => Content::Text(String::new()),
        false => Content::Text(text),
    }
}
