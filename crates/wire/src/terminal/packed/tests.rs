#![allow(clippy::unwrap_used)]

use super::*;

fn log() -> Vec<u8> {
    (0..500).flat_map(|n| format!("\x1b[32mline {n}\x1b[0m of a build\r\n").into_bytes()).collect()
}

/// Bytes that nothing can pack: a counter through xorshift.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut roll = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| roll()).collect()
}

#[test]
fn what_was_packed_is_smaller_and_comes_back() {
    let (log, mut packer) = (log(), Packer::new());
    let output = Downstream::Output { pos: 1 << 40, data: &log };
    let snapshot = Downstream::Snapshot { pos: 7, cols: 80, rows: 24, restore: &log };
    for message in [output, snapshot, Downstream::Part { restore: &log }] {
        let packed = packer.pack(&message, usize::MAX).unwrap();
        assert!(packed.len() < log.len() / 4, "{} of {}", packed.len(), log.len());
        assert_eq!(unpack(packed).unwrap(), message.encode());
    }
}

#[test]
fn each_message_stands_for_itself() {
    let (log, mut packer) = (log(), Packer::new());
    let message = Downstream::Output { pos: 3, data: &log };
    let first = packer.pack(&message, usize::MAX).unwrap();
    assert_eq!(packer.pack(&message, usize::MAX).unwrap(), first, "nothing is kept of the one before");
}

#[test]
fn what_does_not_get_small_enough_is_left_plain() {
    let noise = noise(4096);
    let message = Downstream::Output { pos: 0, data: &noise };
    let mut packer = Packer::new();
    assert_eq!(packer.pack(&message, message.encode().len()), None);
    let log = log();
    let message = Downstream::Output { pos: 0, data: &log };
    let exactly = packer.pack(&message, usize::MAX).unwrap().len();
    assert!(packer.pack(&message, exactly).is_some());
    assert_eq!(packer.pack(&message, exactly - 1), None);
}

#[test]
fn plain_messages_pass() {
    let plain = Downstream::Output { pos: 9, data: b"hi" }.encode();
    assert_eq!(unpack(plain.clone()), Ok(plain));
    assert_eq!(unpack(Vec::new()), Ok(Vec::new()));
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let zeros = vec![0; 200 * 1024];
    let frame = zstd::bulk::compress(&zeros, 1).unwrap();
    assert!(frame.len() < 200, "200 KB of nothing in {} bytes", frame.len());
    let with_length = |length: u32| {
        let head = Downstream::Output { pos: 0, data: &[] }.encode();
        let mut message = [&head[..], &length.to_be_bytes(), &frame].concat();
        message[0] |= PACKED;
        message
    };
    let limit = MAX_BODY;
    assert_eq!(unpack(with_length(200 * 1024)), Err(DecodeError::TooLarge { length: 200 * 1024, limit }));
    assert!(
        matches!(unpack(with_length(64 * 1024)), Err(DecodeError::Body { .. })),
        "it says less than it is"
    );
    assert!(matches!(unpack(with_length(0)), Err(DecodeError::Body { .. })));
}

#[test]
fn every_beginning_and_every_changed_byte_is_read_or_refused() {
    let log = log();
    let whole = Packer::new().pack(&Downstream::Output { pos: 5, data: &log[..2000] }, usize::MAX).unwrap();
    for end in 1..whole.len() {
        assert!(unpack(whole[..end].to_vec()).is_err(), "the first {end} bytes");
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        let _ = unpack(changed);
    }
}

#[test]
fn what_is_beyond_the_readers_limit_is_not_packed() {
    let zeros = vec![0; MAX_BODY + 1];
    let mut packer = Packer::new();
    assert_eq!(packer.pack(&Downstream::Output { pos: 0, data: &zeros }, usize::MAX), None);
    assert!(packer.pack(&Downstream::Output { pos: 0, data: &zeros[1..] }, usize::MAX).is_some());
}
