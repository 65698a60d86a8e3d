//! `bastide export`

use std::fs::OpenOptions;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use bastide_record::{End, Kind, ReadError, Version};
use bastide_vt::{Effects, Scrollback, Size, Terminal};
use clap::{Args, ValueEnum};

use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::output;
use super::recordings::{self, Recording};

/// Lines that `--format text` keeps; older ones are left out.
const TEXT_LINES: usize = 1_000_000;

/// Write a recording in a form that other programs read
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bastide export build --format v2 -o build.cast && asciinema play build.cast\n  bastide export build --format text | less"
)]
pub(crate) struct Export {
    /// A file, or the name or id of a session
    recording: String,
    #[arg(short, long, value_enum, default_value_t = Format::V3)]
    format: Format,
    /// Write here; it must not exist [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// asciicast v2, which every player reads; without the exit status
    V2,
    /// asciicast v3
    V3,
    /// What stood on the screen and went up from it, as plain text
    Text,
}

impl Export {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let recording = recordings::open(&self.recording, place).await?;
        let result = match &self.output {
            Some(path) => {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .with_context(|| format!("cannot create {}", path.display()))?;
                write(recording, self.format, BufWriter::new(file))
            }
            None => write(recording, self.format, BufWriter::new(io::stdout().lock())),
        };
        let end = match result {
            Err(ReadError::Write { source }) if source.kind() == ErrorKind::BrokenPipe => {
                return Err(Failure::Unread);
            }
            result => result.with_context(|| self.recording.clone())?,
        };
        if let End::Truncated { line } = end {
            output::remark(&format!(
                "the recording ends in line {line}, in the middle: it goes on, or its writer was killed"
            ));
        }
        Ok(DONE)
    }
}

fn write(recording: Recording, format: Format, mut out: impl Write) -> Result<End, ReadError> {
    match format {
        Format::V2 => Ok(bastide_record::export(recording.reader, Version::V2, out)?.end),
        Format::V3 => Ok(bastide_record::export(recording.reader, Version::V3, out)?.end),
        Format::Text => {
            let (text, end) = text(recording)?;
            out.write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .map_err(|source| ReadError::Write { source })?;
            Ok(end)
        }
    }
}

/// The main screen at the end of the recording, with everything above it.
fn text(mut recording: Recording) -> Result<(String, End), ReadError> {
    let header = recording.reader.header();
    let size = Size { cols: header.cols, rows: header.rows };
    let config = bastide_vt::Config { scrollback_lines: TEXT_LINES, ..bastide_vt::Config::default() };
    let mut screen = Terminal::new(size, config);
    let mut effects = Effects::default();
    for event in recording.reader.by_ref() {
        match event?.kind {
            Kind::Output(output) => {
                screen.feed(output.as_bytes(), &mut effects);
                effects.clear();
            }
            Kind::Resize { cols, rows } => screen.resize(Size { cols, rows }),
            _ => {}
        }
    }
    let end = recording.reader.end().cloned().unwrap_or(End::Complete);
    Ok((screen.text(Scrollback::All) + "\n", end))
}
