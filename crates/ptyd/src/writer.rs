//! From a connection's outbox to its socket: many items in one system call, output never copied.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bastide_rt::LocalWriter;
use bastide_session::{Item, Outbox};
use bastide_wire::event::output_header;

/// Items written at once. Two slices each at most, below the kernel's IOV_MAX of 1024.
const ITEMS: usize = 256;

/// Output of one viewer that is put into one frame while it waits.
const FRAME: usize = 64 * 1024;

/// Writes until the outbox is shut, the peer is gone, or everything before a `Close` is written.
///
/// # Errors
/// What the socket says.
pub(crate) async fn run(outbox: &Outbox, mut socket: LocalWriter) -> io::Result<()> {
    let mut items = VecDeque::new();
    let mut headers = Vec::new();
    while outbox.take(&mut items, ITEMS).await {
        headers.clear();
        let plan = plan(&items, &mut headers);
        let mut slices: Vec<IoSlice<'_>> =
            plan.parts.iter().map(|part| part.slice(&items, &headers)).collect();
        socket.write_all(&mut slices).await?;
        for item in items.drain(..) {
            if let Item::Output(chunk) = item {
                chunk.written();
            }
        }
        if plan.closes {
            break;
        }
    }
    Ok(())
}

/// What to write, as references that do not borrow while the header buffer still grows.
enum Part {
    Header(usize, usize),
    Item(usize),
}

struct Plan {
    parts: Vec<Part>,
    closes: bool,
}

impl Part {
    fn slice<'a>(&self, items: &'a VecDeque<Item>, headers: &'a [u8]) -> IoSlice<'a> {
        match self {
            Self::Header(from, to) => IoSlice::new(&headers[*from..*to]),
            Self::Item(index) => match &items[*index] {
                Item::Frame(frame) => IoSlice::new(frame),
                Item::Output(chunk) => IoSlice::new(&chunk.data),
                Item::Close => IoSlice::new(&[]),
            },
        }
    }
}

fn plan(items: &VecDeque<Item>, headers: &mut Vec<u8>) -> Plan {
    let mut parts = Vec::with_capacity(items.len() * 2);
    let mut index = 0;
    while index < items.len() {
        match &items[index] {
            Item::Frame(_) => {
                parts.push(Part::Item(index));
                index += 1;
            }
            Item::Close => return Plan { parts, closes: true },
            Item::Output(first) => {
                let (count, length) = run_length(items, index);
                let from = headers.len();
                output_header(headers, first.session, first.numbered, length);
                parts.push(Part::Header(from, headers.len()));
                parts.extend((index..index + count).map(Part::Item));
                index += count;
            }
        }
    }
    Plan { parts, closes: false }
}

/// How many items from `index` on make one frame, and its bytes.
fn run_length(items: &VecDeque<Item>, index: usize) -> (usize, usize) {
    let Item::Output(first) = &items[index] else { return (1, 0) };
    let (mut count, mut length) = (1, first.data.len());
    while let Some(Item::Output(next)) = items.get(index + count) {
        if length + next.data.len() > FRAME || !first.continues(length, next) {
            break;
        }
        length += next.data.len();
        count += 1;
    }
    (count, length)
}
