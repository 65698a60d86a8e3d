//! A control sequence, taken apart.

/// Parameters that count; more are ignored (xterm keeps 30, xterm.js 32).
const MAX_PARAMS: usize = 32;
/// A control sequence with more parameter bytes than this does nothing. No program writes one.
pub(crate) const MAX_CSI: usize = 256;

/// `CSI prefix parameters intermediates final`.
#[derive(Debug)]
pub(crate) struct Csi {
    /// `<`, `=`, `>`, `?`, or 0.
    pub(crate) prefix: u8,
    /// Up to two intermediate bytes, 0 where there is none.
    pub(crate) intermediates: [u8; 2],
    pub(crate) action: u8,
    params: [u16; MAX_PARAMS],
    /// Bit n: parameter n follows a colon.
    colons: u32,
    len: usize,
}

impl Csi {
    pub(super) const EMPTY: Self =
        Self { prefix: 0, intermediates: [0; 2], action: 0, params: [0; MAX_PARAMS], colons: 0, len: 0 };

    /// Reads one sequence from the bytes after `CSI` in a single pass: SGR is the greater part of
    /// colourful output. Returns whether it is valid (otherwise it does nothing) and how many bytes
    /// it has; `None` if not all of it is there or a control stands within it.
    pub(super) fn read(&mut self, body: &[u8]) -> Option<(bool, usize)> {
        self.intermediates = [0; 2];
        self.colons = 0;
        self.len = 0;
        let start = match body.first() {
            Some(first @ b'<'..=b'?') => {
                self.prefix = *first;
                1
            }
            _ => {
                self.prefix = 0;
                0
            }
        };
        // Digits first and no table: the branches are what this costs.
        let mut value: u32 = 0;
        let mut colon = false;
        for (at, &byte) in body.iter().enumerate().skip(start) {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                value = (value * 10 + u32::from(digit)).min(u32::from(u16::MAX));
            } else if byte == b';' || byte == b':' {
                self.push(value, colon);
                value = 0;
                colon = byte == b':';
            } else {
                if at > start {
                    self.push(value, colon);
                }
                return self.read_end(body, at);
            }
        }
        None
    }

    /// Intermediates and the final byte, from `from` on.
    fn read_end(&mut self, body: &[u8], from: usize) -> Option<(bool, usize)> {
        let mut valid = true;
        let mut count = 0;
        for (at, &byte) in body.iter().enumerate().skip(from) {
            match byte {
                b'@'..=b'~' => {
                    self.action = byte;
                    return Some((valid && at <= MAX_CSI, at + 1));
                }
                b' '..=b'/' => {
                    match self.intermediates.get_mut(count) {
                        Some(slot) => *slot = byte,
                        None => valid = false,
                    }
                    count += 1;
                }
                // A parameter after an intermediate, or a prefix after a parameter.
                b'0'..=b'?' => valid = false,
                _ => return None,
            }
        }
        None
    }

    #[inline]
    fn push(&mut self, value: u32, colon: bool) {
        if let Some(slot) = self.params.get_mut(self.len) {
            *slot = value as u16;
            self.colons |= u32::from(colon) << self.len;
            self.len += 1;
        }
    }

    /// All values, sub-parameters included.
    pub(crate) fn params(&self) -> &[u16] {
        &self.params[..self.len]
    }

    /// Parameter `index`, or `default` if it is absent or 0.
    pub(crate) fn get(&self, index: usize, default: u16) -> u16 {
        self.params().get(index).copied().filter(|v| *v != 0).unwrap_or(default)
    }

    /// Neither prefix nor intermediates.
    pub(crate) fn is_bare(&self) -> bool {
        self.prefix == 0 && self.intermediates == [0; 2]
    }

    /// A count: the first parameter, at least 1.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.get(0, 1))
    }

    /// Parameter `index` with the sub-parameters that follow it after colons.
    pub(crate) fn group(&self, index: usize) -> &[u16] {
        let mut end = index + 1;
        while end < self.len && self.colons >> end & 1 == 1 {
            end += 1;
        }
        &self.params[index.min(self.len)..end.min(self.len)]
    }
}
