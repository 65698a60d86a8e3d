//! What the user name of a client says: who comes, and where to.

/// `person`, `person+server`, `person+server+account` or `person+session:UID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) person: String,
    pub(crate) target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// To be chosen.
    Menu,
    Server {
        name: String,
        /// A name of one of the credentials that the person may use there.
        credential: Option<String>,
    },
    /// One that runs: its uid, or the beginning of it.
    Session(String),
}

/// No server has a name of this length.
const MAX: usize = 512;

impl Name {
    /// `None` for what names nobody.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX {
            return None;
        }
        let (person, target) = match text.split_once('+') {
            None => (text, Target::Menu),
            Some((person, "")) => (person, Target::Menu),
            Some((person, rest)) => (person, Target::read(rest)),
        };
        (!person.is_empty()).then(|| Self { person: person.to_owned(), target })
    }
}

impl Target {
    fn read(text: &str) -> Self {
        if let Some(uid) = text.strip_prefix("session:") {
            return Self::Session(uid.to_ascii_lowercase());
        }
        match text.split_once('+') {
            Some((name, credential)) if !credential.is_empty() => {
                Self::Server { name: name.to_owned(), credential: Some(credential.to_owned()) }
            }
            Some((name, _)) => Self::Server { name: name.to_owned(), credential: None },
            None => Self::Server { name: text.to_owned(), credential: None },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_user_name_says_who_and_where() {
        let server = |name: &str, credential: Option<&str>| Target::Server {
            name: name.to_owned(),
            credential: credential.map(str::to_owned),
        };
        for (text, person, target) in [
            ("ann", "ann", Target::Menu),
            ("ann+", "ann", Target::Menu),
            ("ann+web1", "ann", server("web1", None)),
            ("ann+web1+", "ann", server("web1", None)),
            ("ann+web1+root", "ann", server("web1", Some("root"))),
            ("ann+10.0.0.1", "ann", server("10.0.0.1", None)),
            ("ann+session:0199AB", "ann", Target::Session("0199ab".to_owned())),
        ] {
            assert_eq!(Name::read(text), Some(Name { person: person.to_owned(), target }), "{text}");
        }
        assert_eq!(Name::read(""), None);
        assert_eq!(Name::read("+web1"), None);
        assert_eq!(Name::read(&"a".repeat(MAX + 1)), None);
    }
}
