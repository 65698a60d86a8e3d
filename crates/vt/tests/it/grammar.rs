//! Random terminal output from a grammar: text and sequences in the proportions in which programs
//! mix them, with numbers near the edges of a small screen, and some garbage.

use proptest::prelude::*;

/// One thing a program does.
pub(crate) fn token() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => text(),
        3 => wide_text(),
        3 => prop::sample::select(CONTROLS).prop_map(<[u8]>::to_vec),
        6 => csi(),
        3 => sgr(),
        4 => modes(),
        2 => prop::sample::select(ESCAPES).prop_map(<[u8]>::to_vec),
        2 => prop::sample::select(STRINGS).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..6),
    ]
}

/// Output of a program.
pub(crate) fn stream(tokens: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(token(), 0..tokens).prop_map(|tokens| tokens.concat())
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof!["[a-z ]{1,30}", "[a-z]{1,3}", " {1,25}", "[ -~]{1,12}"].prop_map(String::into_bytes)
}

fn wide_text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[漢字仮名한글]{1,8}",
        "[a-c漢字]{1,12}",
        "e\u{301}{1,3}",
        "漢\u{302}a\u{20dd}",
        "[🎉👍🏽\u{200d}\u{fe0f}é]{1,6}",
        "\u{301}",
    ]
    .prop_map(String::into_bytes)
}

const CONTROLS: &[&[u8]] =
    &[b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\x08", b"\t", b"\x07", b"\x0e", b"\x0f", b"\x0b"];

const ESCAPES: &[&[u8]] = &[
    b"\x1b7",
    b"\x1b8",
    b"\x1b7",
    b"\x1b8",
    b"\x1bD",
    b"\x1bE",
    b"\x1bH",
    b"\x1bM",
    b"\x1bM",
    b"\x1b=",
    b"\x1b>",
    b"\x1b(0",
    b"\x1b(B",
    b"\x1b)0",
    b"\x1b)A",
    b"\x1b*0",
    b"\x1bn",
    b"\x1bo",
    b"\x1b#8",
    b"\x1bc",
    b"\x1b[!p",
    b"\x1b%G",
    b"\xc2\x85",
    b"\xc2\x9b5C",
    b"\x1b[2 q",
];

const STRINGS: &[&[u8]] = &[
    b"\x1b]0;a title\x07",
    b"\x1b]2;another \xe6\xbc\xa2\x1b\\",
    b"\x1b[22;0;0t",
    b"\x1b[23;0;0t",
    b"\x1b]7;file://host/tmp/a%20b\x1b\\",
    b"\x1b]8;;http://a.example/\x1b\\link",
    b"\x1b]8;id=x;http://b.example/?q;r\x1b\\",
    b"\x1b]8;;\x1b\\",
    b"\x1b]4;1;rgb:ff/00/12\x1b\\",
    b"\x1b]10;#123456\x07",
    b"\x1b]11;?\x07",
    b"\x1b]104\x07",
    b"\x1b]52;c;aGVsbG8=\x07",
    b"\x1b]1337;File=inline=1:AAAA\x07",
    b"\x1bP$qm\x1b\\",
    b"\x1bPq#0~~\x1b\\",
    b"\x1b_G\x1b\\",
    b"\x1b]!\x07",
];

fn csi() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        3 => Just(String::new()),
        8 => (0u16..12).prop_map(|n| n.to_string()),
        1 => (12u16..100).prop_map(|n| n.to_string()),
        1 => Just("65535".to_owned()),
    ];
    let action = prop::sample::select(&b"ABCDEFGHIJKLMPSTXZ@`abdefgrsuHHHJJKKrrLMMm"[..]);
    (prop::collection::vec(number, 0..3), action)
        .prop_map(|(params, action)| format!("\x1b[{}{}", params.join(";"), action as char).into())
}

fn sgr() -> impl Strategy<Value = Vec<u8>> {
    const CODES: &[&str] = &[
        "0",
        "1",
        "2",
        "3",
        "4",
        "4:3",
        "5",
        "7",
        "8",
        "9",
        "21",
        "22",
        "24",
        "27",
        "31",
        "44",
        "97",
        "100",
        "38;5;200",
        "48;5;9",
        "38;2;1;2;3",
        "48:2::9:8:7",
        "58:5:3",
        "58;2;1;1;1",
        "59",
        "53",
        "39",
        "49",
        "38",
        "48;2;1",
    ];
    prop::collection::vec(prop::sample::select(CODES), 0..3)
        .prop_map(|codes| format!("\x1b[{}m", codes.join(";")).into())
}

fn modes() -> impl Strategy<Value = Vec<u8>> {
    const MODES: &[&str] = &[
        "?1", "?5", "?6", "?6", "?7", "?7", "?12", "?25", "?9", "?1000", "?1002", "?1003", "?1004", "?1005",
        "?1006", "?1007", "?1016", "?47", "?1047", "?1048", "?1049", "?1049", "?1049", "?2004", "?2026", "4",
        "4", "20", "?66", "?3",
    ];
    const OTHERS: &[&str] = &["\x1b[>1u", "\x1b[=5;1u", "\x1b[<u", "\x1b[>4;2m", "\x1b[>4m"];
    prop_oneof![
        8 => (prop::sample::select(MODES), prop::sample::select(&["h", "l"][..]))
            .prop_map(|(mode, on)| format!("\x1b[{mode}{on}").into()),
        1 => prop::sample::select(OTHERS).prop_map(|s| s.into()),
    ]
}
