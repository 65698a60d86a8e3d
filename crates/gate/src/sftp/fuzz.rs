//! What must hold whatever a client asks and a server answers.

use bastide_app::streams::Transfer;
use bastide_wire::sftp::{Fields, Packet, Packets, answer};
use bytes::{Buf, Bytes};

use super::watch::{Entry, MAX_OPEN, MAX_PENDING, Watch};

/// Answers that the log may hear of.
const ANSWERS: [u8; 4] = [answer::STATUS, answer::HANDLE, answer::DATA, answer::NAME];

/// Packets both ways: whatever changes something is asked about before it passes, what is kept is bounded, and no
/// name disturbs the log.
///
/// The first byte says whether the rest is a client's bytes as they are; otherwise each packet is a number, a type, a
/// length and fields.
pub fn fuzz_sftp(data: &[u8]) {
    let mut rest = Bytes::copy_from_slice(data);
    let Ok(first) = rest.try_get_u8() else { return };
    let mut watch = Watch::default();
    if first & 1 == 1 {
        let mut packets = Packets::default();
        packets.add(&rest);
        while let Ok(Some(packet)) = packets.next() {
            if !asked(&mut watch, &packet) {
                return;
            }
        }
    }
    while let Some(packet) = next(&mut rest) {
        let (kind, _) = Fields::of(&packet).expect("it has a type");
        let passes =
            if ANSWERS.contains(&kind) { came(&mut watch, &packet) } else { asked(&mut watch, &packet) };
        if !passes {
            return;
        }
        let (pending, open) = watch.kept();
        assert!(pending <= MAX_PENDING && open <= MAX_OPEN);
    }
    watch.left().iter().for_each(check);
    assert_eq!(watch.kept(), (0, 0));
}

/// Few numbers, so that answers meet requests.
fn next(rest: &mut Bytes) -> Option<Bytes> {
    let (id, kind, length) = (rest.try_get_u8().ok()?, rest.try_get_u8().ok()?, rest.try_get_u16().ok()?);
    let fields = rest.split_to(usize::from(length).min(rest.len()));
    let mut packet = Packet::new(kind).number(u32::from(id % 8)).done().to_vec();
    packet.extend_from_slice(&fields);
    Some(packet.into())
}

/// As [`super::Pair::forth`], of somebody who may do everything.
fn asked(watch: &mut Watch, packet: &Bytes) -> bool {
    let (Ok(needs), Ok(goes_on)) = (Watch::needs(packet), Watch::goes_on(packet)) else { return false };
    let before = watch.changing();
    let Ok(entry) = watch.sent(packet) else { return false };
    if watch.changing() > before {
        let up = needs.as_ref().is_some_and(|needs| needs.rights.contains(&Transfer::Upload));
        let goes_on = goes_on.as_ref().is_some_and(|(_, transfer, _)| *transfer == Transfer::Upload);
        assert!(up || goes_on, "something is changed and nobody was asked");
    }
    if let Some(needs) = needs {
        assert!(!needs.rights.is_empty(), "a need of nothing");
        check(&(needs.rights[0], needs.moved));
    }
    if let Some((_, _, handle)) = goes_on {
        watch.refused(&handle, "no");
    }
    entry.iter().for_each(check);
    true
}

fn came(watch: &mut Watch, packet: &Bytes) -> bool {
    let Ok(entry) = watch.came(packet) else { return false };
    entry.iter().for_each(check);
    true
}

fn check((_, moved): &Entry) {
    let words = [Some(&moved.path), moved.to.as_ref(), moved.why.as_ref()];
    for text in words.into_iter().flatten() {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
