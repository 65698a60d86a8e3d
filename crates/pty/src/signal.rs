use std::fmt;
use std::str::FromStr;

/// The signals that may be sent to a terminal's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Term,
    Kill,
    Usr1,
    Usr2,
    Cont,
    Stop,
    Tstp,
    Winch,
}

/// The text named no signal of [`Signal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal: {0}")]
pub struct UnknownSignal(pub String);

const NAMES: [(&str, Signal); 11] = [
    ("HUP", Signal::Hup),
    ("INT", Signal::Int),
    ("QUIT", Signal::Quit),
    ("TERM", Signal::Term),
    ("KILL", Signal::Kill),
    ("USR1", Signal::Usr1),
    ("USR2", Signal::Usr2),
    ("CONT", Signal::Cont),
    ("STOP", Signal::Stop),
    ("TSTP", Signal::Tstp),
    ("WINCH", Signal::Winch),
];

impl Signal {
    /// Its number on this machine, as in signal(7).
    pub fn number(self) -> i32 {
        self.raw().as_raw()
    }

    pub(crate) fn raw(self) -> rustix::process::Signal {
        use rustix::process::Signal as Raw;
        match self {
            Self::Hup => Raw::HUP,
            Self::Int => Raw::INT,
            Self::Quit => Raw::QUIT,
            Self::Term => Raw::TERM,
            Self::Kill => Raw::KILL,
            Self::Usr1 => Raw::USR1,
            Self::Usr2 => Raw::USR2,
            Self::Cont => Raw::CONT,
            Self::Stop => Raw::STOP,
            Self::Tstp => Raw::TSTP,
            Self::Winch => Raw::WINCH,
        }
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// With or without `SIG`, in any case: `int`, `SIGINT`, `Int`.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES
            .iter()
            .find(|(name, _)| *name == bare)
            .map(|(_, signal)| *signal)
            .ok_or_else(|| UnknownSignal(text.to_owned()))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, signal)| signal == self);
        write!(f, "SIG{}", name.map_or("?", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_or_without_sig_in_any_case() {
        for (name, signal) in NAMES {
            assert_eq!(name.parse(), Ok(signal));
            assert_eq!(format!("SIG{name}").parse(), Ok(signal));
            assert_eq!(format!("sig{}", name.to_lowercase()).parse(), Ok(signal));
            assert_eq!(signal.to_string(), format!("SIG{name}"));
        }
    }

    #[test]
    fn other_names_are_refused_as_they_were_written() {
        for name in ["SIGFOO", "", "SIG", "SIGSIGINT", "2", "CHLD"] {
            assert_eq!(name.parse::<Signal>(), Err(UnknownSignal(name.to_owned())), "{name}");
        }
        assert_eq!(UnknownSignal("SIGFOO".into()).to_string(), "unknown signal: SIGFOO");
    }
}
