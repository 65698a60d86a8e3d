//! What must hold for any bytes from outside, in one list.
//!
//! Each body is a plain function over bytes, beside the parser it tries. Two drivers run them: the
//! test of this package over the stored corpora (`make test`), and libFuzzer (`make fuzz`, the
//! package in `libfuzzer/`). A finding of the second becomes a file of the first.

#![forbid(unsafe_code)]

/// A fuzz body: panics when what it checks does not hold.
pub type Body = fn(&[u8]);

/// Every body by its name, which is also the name of its corpus.
pub const TARGETS: [(&str, Body); 19] = [
    ("frames", bastide_wire::fuzz::frames),
    ("websocket", bastide_wire::fuzz::websocket),
    ("line_mode", bastide_wire::fuzz::line),
    ("sftp_packets", bastide_wire::fuzz::sftp),
    ("file_names", bastide_wire::fuzz::names),
    ("sftp_requests", bastide_gate::fuzz_sftp),
    ("sftp_answers", bastide_ssh::fuzz_answers),
    ("terminal", bastide_vt::fuzz_terminal),
    ("cast", bastide_record::fuzz_cast),
    ("ranges", bastide_record::fuzz_ranges),
    ("log_line", bastide_audit::fuzz_log_line),
    ("ssh_keys", bastide_ssh::fuzz_keys),
    ("sealed", bastide_vault::fuzz_sealed),
    ("inventory", bastide_app::inventory::fuzz),
    ("measure", bastide_app::health::measure::fuzz_measure),
    ("policy_line", bastide_policy::fuzz::fuzz_line),
    ("policy_rules", bastide_policy::fuzz::fuzz_rules),
    ("policy_bundle", bastide_policy::fuzz::fuzz_bundle),
    ("policy_import", bastide_policy::fuzz::fuzz_import),
];

/// Runs one body.
///
/// # Panics
/// When there is none of this name, or when what the body checks does not hold.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, body) = target.unwrap_or_else(|| panic!("no fuzz body is named {name}"));
    body(data);
}
