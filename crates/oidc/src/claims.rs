use serde_json::{Map, Value};

/// More values than any group claim of a person has.
const MAX_VALUES: usize = 1000;
/// OpenID Connect Core 1.0, section 2: a subject has at most 255 characters.
pub(crate) const MAX_SUBJECT: usize = 255;

/// What a provider has said of somebody, and proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub issuer: String,
    /// Never given to another person by this issuer.
    pub subject: String,
    pub(crate) all: Map<String, Value>,
}

impl Claims {
    pub fn new(issuer: &str, subject: &str, all: Map<String, Value>) -> Self {
        Self { issuer: issuer.to_owned(), subject: subject.to_owned(), all }
    }

    /// What stands under a name; a name with dots is looked for as it is first (`https://example.org/groups`), then
    /// as a path (`realm_access.roles`).
    pub fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.all.get(name) {
            return Some(value);
        }
        let mut words = name.split('.');
        let first = self.all.get(words.next()?)?;
        words.try_fold(first, |value, word| value.get(word))
    }

    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The texts of a list, or one text. Anything else is nothing.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.get(name) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).take(MAX_VALUES).collect(),
            _ => Vec::new(),
        }
    }

    /// The address, if the provider says that it has checked it. Some write the truth as a text.
    pub fn verified_email(&self) -> Option<&str> {
        let verified = self.get("email_verified")?;
        let yes = verified.as_bool().unwrap_or_else(|| verified.as_str() == Some("true"));
        self.text("email").filter(|_| yes)
    }

    /// Adds what is not known yet.
    pub(crate) fn complete(&mut self, more: Map<String, Value>) {
        for (name, value) in more {
            self.all.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn claims(json: &str) -> Claims {
        let all = serde_json::from_str(json).unwrap();
        Claims::new("https://id.example.org", "1", all)
    }

    #[test]
    fn a_name_with_dots_is_a_name_first_and_a_path_then() {
        let claims = claims(
            r#"{"https://example.org/groups": ["a"], "realm_access": {"roles": ["b", 7, "c"]}, "team": "d", "n": 1}"#,
        );
        assert_eq!(claims.texts("https://example.org/groups"), ["a"]);
        assert_eq!(claims.texts("realm_access.roles"), ["b", "c"]);
        assert_eq!(claims.texts("team"), ["d"]);
        assert!(claims.texts("n").is_empty());
        assert!(claims.texts("realm_access.roles.x").is_empty());
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        assert_eq!(claims(r#"{"email":"a@b.c"}"#).verified_email(), None);
        assert_eq!(claims(r#"{"email":"a@b.c","email_verified":false}"#).verified_email(), None);
        assert_eq!(claims(r#"{"email":"a@b.c","email_verified":"false"}"#).verified_email(), None);
        assert_eq!(claims(r#"{"email":"a@b.c","email_verified":true}"#).verified_email(), Some("a@b.c"));
        assert_eq!(claims(r#"{"email":"a@b.c","email_verified":"true"}"#).verified_email(), Some("a@b.c"));
    }

    #[test]
    fn what_is_proven_is_not_replaced() {
        let mut known = claims(r#"{"groups":["a"]}"#);
        known.complete(serde_json::from_str(r#"{"groups":["admins"],"name":"A"}"#).unwrap());
        assert_eq!(known.texts("groups"), ["a"]);
        assert_eq!(known.text("name"), Some("A"));
    }
}
