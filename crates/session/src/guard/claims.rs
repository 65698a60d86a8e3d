//! Which program starts belong to which typed line. The shell says the line; the kernel says the starts.

use std::collections::VecDeque;

use bastide_pty::gate::Start;

/// Shells and process groups that are remembered: those of a person's jobs, with room to spare.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The last line of each shell, newest last.
    shells: VecDeque<(i32, String)>,
    /// The line that a process group came from.
    groups: VecDeque<(i32, String)>,
}

impl Claims {
    pub(crate) fn says(&mut self, shell: i32, line: &str) {
        put(&mut self.shells, shell, line);
    }

    /// The line that a program start came from: its shell's last one, or that of its process group.
    pub(crate) fn line_of(&mut self, start: &Start) -> Option<String> {
        let of = |all: &VecDeque<(i32, String)>, id: i32| {
            all.iter().find(|(known, _)| *known == id).map(|(_, line)| line.clone())
        };
        if let Some(line) = of(&self.shells, start.ppid) {
            put(&mut self.groups, start.pgid, &line);
            return Some(line);
        }
        of(&self.groups, start.pgid)
    }
}

fn put(all: &mut VecDeque<(i32, String)>, id: i32, line: &str) {
    all.retain(|(known, _)| *known != id);
    if all.len() == REMEMBERED {
        all.pop_front();
    }
    all.push_back((id, line.to_owned()));
}
