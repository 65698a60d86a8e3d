#![allow(clippy::unwrap_used)]

use bastide_wire::terminal::packed::unpack;

use super::*;

const HERE: Duration = Duration::from_micros(100);
const THERE: Duration = Duration::from_millis(20);

fn text(length: usize) -> Vec<u8> {
    b"a line of a log that says little\r\n".iter().copied().cycle().take(length).collect()
}

/// Bytes that cannot be packed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let roll = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(roll).take(length).collect()
}

fn is_packed(message: &[u8]) -> bool {
    unpack(message.to_vec()).unwrap() != message
}

#[test]
fn only_far_browsers_that_agreed_get_long_messages_packed() {
    let cases = [
        (true, 2000, THERE, true),
        (true, 2000, HERE, false),
        (false, 2000, THERE, false),
        (true, FROM - 1, THERE, false),
        (true, FROM, FAR, true),
    ];
    for (agreed, length, distance, wanted) in cases {
        let text = text(length);
        let plain = Downstream::Output { pos: 5, data: &text };
        let message = Packing::new(agreed).encode(&plain, distance);
        assert_eq!(is_packed(&message), wanted, "{agreed} {length} {distance:?}");
        assert_eq!(unpack(message).unwrap(), plain.encode());
    }
}

#[test]
fn what_does_not_pack_is_tried_less_and_less_and_never_given_up() {
    let (noise, text) = (noise(4096), text(4096));
    let noise = Downstream::Output { pos: 0, data: &noise };
    let text = Downstream::Output { pos: 0, data: &text };
    let mut packing = Packing::new(true);
    let mut tries = 0;
    for _ in 0..200 {
        let unseen = packing.unseen;
        assert!(!is_packed(&packing.encode(&noise, THERE)));
        tries += u32::from(unseen == 0);
    }
    assert!((5..=12).contains(&tries), "{tries} of 200");
    let mut plain = 0;
    while !is_packed(&packing.encode(&text, THERE)) {
        plain += 1;
    }
    assert!(plain <= MOST_UNSEEN, "{plain} sent plain before it packs again");
    assert!(is_packed(&packing.encode(&text, THERE)));
    assert!(!is_packed(&packing.encode(&noise, THERE)));
    assert!(!is_packed(&packing.encode(&text, THERE)), "one goes unseen");
    assert!(is_packed(&packing.encode(&text, THERE)));
}
