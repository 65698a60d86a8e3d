//! The supervisor without the rest of the program, for the tests of the gate.

fn main() -> std::process::ExitCode {
    bastide_pty::gate::supervise()
}
