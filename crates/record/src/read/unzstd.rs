//! zstd frames one after another (RFC 8878), told apart: ended in order, cut, damaged.

use std::io::{self, BufRead};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::lines::peek;

/// Decoded bytes held at a time: what zstd itself calls a block.
const OUT_BYTES: usize = 128 * 1024;

pub(super) enum Stop {
    Io(io::Error),
    Damaged(String),
    /// The input ends inside a frame, or in zeros that a power loss left behind.
    Cut,
}

pub(super) struct Unzstd<R> {
    input: R,
    decoder: Decoder<'static>,
    out: Vec<u8>,
    /// `out[from..to]` is decoded and not consumed.
    from: usize,
    to: usize,
    in_frame: bool,
}

impl<R: BufRead> Unzstd<R> {
    pub(super) fn new(input: R) -> io::Result<Unzstd<R>> {
        Ok(Unzstd {
            input,
            decoder: Decoder::new()?,
            out: vec![0; OUT_BYTES],
            from: 0,
            to: 0,
            in_frame: false,
        })
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.from = (self.from + n).min(self.to);
    }

    /// The next decoded bytes; empty at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], Stop> {
        while self.from == self.to {
            if !self.in_frame && !self.next_frame()? {
                return Ok(&[]);
            }
            self.decode()?;
        }
        Ok(&self.out[self.from..self.to])
    }

    /// Looks at what follows a frame. `false` at the end of the input.
    fn next_frame(&mut self) -> Result<bool, Stop> {
        match peek(&mut self.input).map_err(Stop::Io)? {
            None => Ok(false),
            Some(0) => Err(self.zeros()),
            Some(_) => {
                self.decoder.reinit().map_err(Stop::Io)?;
                self.in_frame = true;
                Ok(true)
            }
        }
    }

    fn decode(&mut self) -> Result<(), Stop> {
        let bytes = self.input.fill_buf().map_err(Stop::Io)?;
        let at_end = bytes.is_empty();
        let mut input = InBuffer::around(bytes);
        let mut output = OutBuffer::around(self.out.as_mut_slice());
        let hint = self.decoder.run(&mut input, &mut output).map_err(|e| Stop::Damaged(e.to_string()))?;
        let (read, wrote) = (input.pos(), output.pos());
        self.input.consume(read);
        (self.from, self.to) = (0, wrote);
        self.in_frame = hint != 0;
        if at_end && self.in_frame && wrote == 0 {
            return Err(Stop::Cut);
        }
        Ok(())
    }

    fn zeros(&mut self) -> Stop {
        loop {
            let bytes = match self.input.fill_buf() {
                Ok([]) => return Stop::Cut,
                Ok(bytes) => bytes,
                Err(e) => return Stop::Io(e),
            };
            if bytes.iter().any(|&b| b != 0) {
                return Stop::Damaged("no frame starts here".to_owned());
            }
            let n = bytes.len();
            self.input.consume(n);
        }
    }
}
