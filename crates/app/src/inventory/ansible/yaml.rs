//! An inventory in YAML: groups that hold hosts, variables and further groups.

use std::rc::Rc;

use super::{Inventory, MAX_DEPTH, Variables, skip_sealed};
use crate::Error;
use crate::inventory::{Parsed, shown};

mod tree;

use tree::{Content, Node};

pub(super) fn parse(text: &str) -> Result<Parsed, Error> {
    let root = tree::read(text)?;
    let Content::Table(groups) = &root.content else {
        return Err(Error::Invalid("text: an inventory in YAML is a table of groups".to_owned()));
    };
    if groups.iter().any(|(key, _)| key.text == "plugin") {
        let why =
            "text: this tells Ansible where to look; send what `ansible-inventory -i FILE --list` prints";
        return Err(Error::Invalid(why.to_owned()));
    }
    let mut reader = Reader::default();
    for (name, about) in groups {
        reader.group((name.line, &name.text), about, 0);
    }
    let Reader { inventory, mut parsed } = reader;
    inventory.finish(&mut parsed);
    Ok(parsed)
}

#[derive(Default)]
struct Reader {
    inventory: Inventory,
    parsed: Parsed,
}

impl Reader {
    fn group(&mut self, (line, name): (usize, &str), about: &Node, depth: usize) {
        if depth > MAX_DEPTH {
            return self.parsed.skip(line, Some(name), "groups too deep in one another");
        }
        self.inventory.groups.entry(name.to_owned()).or_default();
        let Some(parts) = self.table((line, name), about) else { return };
        for (part, about) in parts {
            match part.text.as_str() {
                "vars" => {
                    let variables = self.variables((part.line, name), about);
                    let group = self.inventory.groups.entry(name.to_owned()).or_default();
                    group.variables.extend(variables);
                }
                "hosts" => self.hosts((part.line, name), about),
                "children" => self.children((part.line, name), about, depth),
                other => {
                    let why = format!("{} is none of hosts, vars and children", shown(other));
                    self.parsed.skip(part.line, Some(name), why);
                }
            }
        }
    }

    fn hosts(&mut self, (line, group): (usize, &str), about: &Node) {
        // One host without a colon after it.
        if let Content::Text(pattern) = &about.content
            && !pattern.is_empty()
        {
            return self.host((about.line, pattern), group, &Variables::new());
        }
        for (pattern, about) in self.table((line, group), about).unwrap_or_default() {
            let variables = self.variables((pattern.line, &pattern.text), about);
            self.host((pattern.line, &pattern.text), group, &variables);
        }
    }

    fn host(&mut self, (line, pattern): (usize, &str), group: &str, variables: &Variables) {
        match self.inventory.expand(pattern) {
            Ok(names) => {
                for name in names {
                    self.inventory.add(name, line, group, variables);
                }
            }
            Err(why) => self.parsed.skip(line, Some(pattern), why),
        }
    }

    fn children(&mut self, (line, parent): (usize, &str), about: &Node, depth: usize) {
        for (child, about) in self.table((line, parent), about).unwrap_or_default() {
            let known = self.inventory.groups.entry(child.text.clone()).or_default();
            known.parents.insert(parent.to_owned());
            self.group((child.line, &child.text), about, depth + 1);
        }
    }

    /// Of a host or a group: those that are one word. What programs make of lists and tables is not for us.
    fn variables(&mut self, (line, of): (usize, &str), about: &Node) -> Variables {
        let mut variables = Variables::new();
        for (name, value) in self.table((line, of), about).unwrap_or_default() {
            match &value.content {
                Content::Sealed => skip_sealed(&mut self.parsed, (name.line, of), &name.text),
                Content::Text(text) => drop(variables.insert(name.text.clone(), text.clone())),
                Content::Table(_) | Content::List => {}
            }
        }
        variables
    }

    /// Its rows; nothing counts as a table without any.
    fn table<'n>(
        &mut self,
        (line, of): (usize, &str),
        node: &'n Node,
    ) -> Option<&'n [(tree::Key, Rc<Node>)]> {
        match &node.content {
            Content::Table(rows) => Some(rows),
            Content::Text(text) if text.is_empty() => None,
            Content::Text(_) | Content::Sealed | Content::List => {
                self.parsed.skip(
                    line,
                    Some(of),
                    "what stands here should be a table (`name:` on lines of their own)",
                );
                None
            }
        }
    }
}
