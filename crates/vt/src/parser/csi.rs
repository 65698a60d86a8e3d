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
    /// Takes the bytes between `CSI` and the final byte; `None` if the sequence is not valid and
    /// does nothing.
    pub(crate) fn parse(body: &[u8], action: u8) -> Option<Self> {
        if body.len() > MAX_CSI {
            return None;
        }
        let mut csi =
            Self { prefix: 0, intermediates: [0; 2], action, params: [0; MAX_PARAMS], colons: 0, len: 0 };
        let mut rest = body;
        if let [first @ b'<'..=b'?', tail @ ..] = rest {
            csi.prefix = *first;
            rest = tail;
        }
        let end = rest.iter().position(|b| *b < b'0').unwrap_or(rest.len());
        let (params, intermediates) = rest.split_at(end);
        csi.parse_params(params)?;
        match intermediates {
            [] => {}
            [a] => csi.intermediates = [*a, 0],
            [a, b] => csi.intermediates = [*a, *b],
            _ => return None,
        }
        // A parameter after an intermediate makes the sequence invalid.
        intermediates.iter().all(|b| *b < b'0').then_some(csi)
    }

    fn parse_params(&mut self, params: &[u8]) -> Option<()> {
        if params.is_empty() {
            return Some(());
        }
        let mut value: u16 = 0;
        let mut colon = false;
        for &byte in params {
            match byte {
                b'0'..=b'9' => {
                    value = value.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                }
                b':' | b';' => {
                    self.push(value, colon);
                    value = 0;
                    colon = byte == b':';
                }
                _ => return None,
            }
        }
        self.push(value, colon);
        Some(())
    }

    fn push(&mut self, value: u16, colon: bool) {
        if self.len < MAX_PARAMS {
            self.params[self.len] = value;
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
