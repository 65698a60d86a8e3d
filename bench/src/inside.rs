//! Programs that run inside the measured terminals, and beside them.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustix::time::{ClockId, clock_gettime};

/// Printed when a program is ready, before its process number and `;`.
pub(crate) const READY: &str = "BENCH-READY ";

/// Printed before the nanoseconds that something took and `;`.
pub(crate) const TOOK: &str = "BENCH-TOOK ";

#[derive(Debug, Subcommand)]
pub(crate) enum Inside {
    /// Becomes PROGRAM with the terminal DEVICE as its own.
    On { device: PathBuf, program: Vec<String> },
    /// Sends back every byte at once.
    Echo,
    /// Waits for a byte, then prints a file; stays until it is hung up.
    Print {
        file: PathBuf,
        #[arg(long)]
        for_ever: bool,
    },
    /// Waits for a byte, then prints the time again and again.
    Tick { every_us: u64, count: u32 },
    /// Ties PROGRAM on a terminal to every WebSocket that comes.
    Bridge { program: Vec<String> },
    /// Our SSH connections, held as `ssh_peers.py hold` does.
    Hold { count: usize, port: u16, user: String, key: PathBuf, known_hosts: PathBuf },
    /// Starts PROGRAM and waits for its end, again and again; then prints the nanoseconds it took.
    Spawns {
        /// Waits for a byte before.
        #[arg(long)]
        on_key: bool,
        count: u32,
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        program: Vec<String>,
    },
    /// A socket that sends back what it gets, one client after the other.
    Socket { path: PathBuf },
}

pub(crate) fn run(program: Inside) -> Result<()> {
    match program {
        Inside::On { device, program } => on(&device, &program),
        Inside::Echo => echo(),
        Inside::Print { file, for_ever } => print(&file, for_ever),
        Inside::Tick { every_us, count } => tick(Duration::from_micros(every_us), count),
        Inside::Bridge { program } => crate::bridge::run(program),
        Inside::Hold { count, port, user, key, known_hosts } => {
            let host_key = std::fs::read_to_string(known_hosts)?;
            let host_key = host_key.trim().split_once(' ').context("no host key")?.1.to_owned();
            crate::ssh::hold(count, &crate::ssh::hop(port, user, std::fs::read_to_string(key)?, host_key))
        }
        Inside::Spawns { on_key, count, program } => {
            if on_key {
                quiet_input()?;
                one_byte()?;
            }
            spawns(count, &program)
        }
        Inside::Socket { path } => socket(&path),
    }
}

/// The command line of one of these programs.
pub(crate) fn command(words: &[&str]) -> Result<Vec<String>> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    Ok([own, "inside".to_owned()].into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect())
}

fn on(device: &std::path::Path, program: &[String]) -> Result<()> {
    rustix::process::setsid()?;
    // The first terminal a session leader opens becomes its own.
    let terminal = OpenOptions::new().read(true).write(true).open(device)?;
    rustix::stdio::dup2_stdin(&terminal)?;
    rustix::stdio::dup2_stdout(&terminal)?;
    rustix::stdio::dup2_stderr(&terminal)?;
    drop(terminal);
    let (name, arguments) = program.split_first().context("no program")?;
    Err(Command::new(name).args(arguments).exec().into())
}

/// Every byte as it comes, none shown by the terminal itself. Output stays cooked.
fn quiet_input() -> Result<()> {
    let mut modes = tcgetattr(std::io::stdin())?;
    modes.local_modes -= rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON;
    tcsetattr(std::io::stdin(), OptionalActions::Now, &modes)?;
    Ok(())
}

fn ready() -> Result<()> {
    let mut out = std::io::stdout();
    write!(out, "{READY}{};\r\n", std::process::id())?;
    out.flush()?;
    Ok(())
}

fn one_byte() -> Result<()> {
    let mut byte = [0];
    if std::io::stdin().read(&mut byte)? == 0 {
        bail!("the terminal is closed");
    }
    Ok(())
}

fn echo() -> Result<()> {
    let mut modes = tcgetattr(std::io::stdin())?;
    modes.make_raw();
    tcsetattr(std::io::stdin(), OptionalActions::Now, &modes)?;
    ready()?;
    let mut buffer = [0; 4096];
    loop {
        let read = rustix::io::read(std::io::stdin(), &mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        rustix::io::write(std::io::stdout(), &buffer[..read])?;
    }
}

fn print(file: &std::path::Path, for_ever: bool) -> Result<()> {
    quiet_input()?;
    ready()?;
    one_byte()?;
    loop {
        // It shares the terminal; its processor time becomes ours when it is waited for.
        Command::new("cat").arg(file).stdin(Stdio::null()).status()?;
        if !for_ever {
            return one_byte();
        }
    }
}

/// Nanoseconds of the clock that all processes share.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

fn tick(every: Duration, count: u32) -> Result<()> {
    quiet_input()?;
    ready()?;
    one_byte()?;
    let mut out = std::io::stdout();
    for _ in 0..count {
        std::thread::sleep(every);
        write!(out, "{:020}\r\n", now_ns())?;
        out.flush()?;
    }
    one_byte()
}

/// posix_spawn(3) each, as the standard library does where nothing special is asked of it.
fn spawns(count: u32, program: &[String]) -> Result<()> {
    let (name, arguments) = program.split_first().context("no program")?;
    let begun = now_ns();
    for _ in 0..count {
        let status = Command::new(name).args(arguments).stdin(Stdio::null()).status()?;
        if !status.success() {
            bail!("{name} ended with {status}");
        }
    }
    println!("{TOOK}{};", now_ns() - begun);
    Ok(())
}

fn socket(path: &std::path::Path) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    println!("{READY}{};", std::process::id());
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..read])?;
        }
    }
    Ok(())
}
