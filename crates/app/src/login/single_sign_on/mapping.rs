//! From what a provider claims to what somebody is here.

use std::collections::{BTreeMap, HashSet};

use bastide_oidc::Claims;
use bastide_store::{Group, Role};

use crate::people;

/// Which claims say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub username_claim: String,
    pub groups_claim: String,
    pub roles_claim: String,
    /// A value of the groups claim, and a group here. Groups that stand here are the provider's to fill and to
    /// empty; no others are touched.
    pub groups: BTreeMap<String, String>,
    /// A value of the roles claim, and a role here. Empty: roles are given here alone.
    pub roles: BTreeMap<String, Role>,
    /// Whether somebody whom nobody has linked gets in, as a new person.
    pub create_users: bool,
    /// Empty: all. Else the verified e-mail address has to be of one of them.
    pub email_domains: Vec<String>,
}

/// What somebody should be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) username: Option<String>,
    pub(super) display_name: Option<String>,
    /// What the provider calls them, for administrators to read.
    pub(super) shown: Option<String>,
    /// `None`: the provider has no say in it.
    pub(super) role: Option<Role>,
    groups: Vec<String>,
    mapped: Vec<String>,
}

/// What changes in somebody's groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) into: Vec<i64>,
    pub(super) into_names: Vec<String>,
    pub(super) out_of: Vec<i64>,
    pub(super) out_of_names: Vec<String>,
    /// They should be in these, and there are none.
    pub(super) missing: Vec<String>,
}

impl Moves {
    pub(super) fn is_nothing(&self) -> bool {
        self.into.is_empty() && self.out_of.is_empty()
    }
}

/// The longest that is kept of what a provider calls somebody.
const MAX_SHOWN: usize = 100;

impl Mapping {
    /// Those that are read, so that a provider is asked for what its token lacks.
    pub(super) fn claims(&self) -> Vec<&str> {
        let mut claims = vec![self.username_claim.as_str()];
        if !self.groups.is_empty() {
            claims.push(&self.groups_claim);
        }
        if !self.roles.is_empty() {
            claims.push(&self.roles_claim);
        }
        if !self.email_domains.is_empty() {
            claims.extend(["email", "email_verified"]);
        }
        claims
    }

    /// Whether the settings let anybody like this in.
    pub(super) fn lets_in(&self, claims: &Claims) -> bool {
        if self.email_domains.is_empty() {
            return true;
        }
        let domain =
            claims.verified_email().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        domain.is_some_and(|domain| self.email_domains.iter().any(|one| one.eq_ignore_ascii_case(domain)))
    }

    pub(super) fn wanted(&self, claims: &Claims) -> Wanted {
        let name = claims.text(&self.username_claim);
        // An address (and what Entra calls a user name is one) is known here by what stands before the @.
        let local = name.map(|name| name.split('@').next().unwrap_or(name).to_ascii_lowercase());
        let display_name = claims.text("name").filter(|name| people::is_display_name(name));
        let values = claims.texts(&self.groups_claim);
        let groups: HashSet<&String> = values.iter().filter_map(|value| self.groups.get(*value)).collect();
        let mapped: HashSet<&String> = self.groups.values().collect();
        let sorted = |names: HashSet<&String>| {
            let mut names: Vec<_> = names.into_iter().cloned().collect();
            names.sort();
            names
        };
        let shown = claims.text("email").or(name).or(display_name);
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
        Wanted {
            username: local.filter(|name| people::is_username(name)),
            display_name: display_name.map(str::to_owned),
            shown: shown.map(plain),
            role: self.role(claims),
            groups: sorted(groups),
            mapped: sorted(mapped),
        }
    }

    /// The first of the roles, in the order of [`Role::ALL`], that one of the values is mapped to; a user without any.
    fn role(&self, claims: &Claims) -> Option<Role> {
        if self.roles.is_empty() {
            return None;
        }
        let values = claims.texts(&self.roles_claim);
        let given: HashSet<Role> =
            values.iter().filter_map(|value| self.roles.get(*value)).copied().collect();
        Some(Role::ALL.into_iter().find(|role| given.contains(role)).unwrap_or(Role::User))
    }
}

impl Wanted {
    pub(super) fn moves(&self, groups: &BTreeMap<i64, Group>, user: i64) -> Moves {
        let mut moves = Moves::default();
        for name in &self.mapped {
            let wanted = self.groups.contains(name);
            match groups.values().find(|group| group.name == *name) {
                None if wanted => moves.missing.push(name.clone()),
                None => {}
                Some(group) => match (group.members.contains(&user), wanted) {
                    (false, true) => {
                        moves.into.push(group.id);
                        moves.into_names.push(name.clone());
                    }
                    (true, false) => {
                        moves.out_of.push(group.id);
                        moves.out_of_names.push(name.clone());
                    }
                    (true, true) | (false, false) => {}
                },
            }
        }
        moves
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn mapping() -> Mapping {
        let groups = [("g-ops", "operations"), ("g-oncall", "operations"), ("g-dev", "developers")];
        let roles = [("g-ops", Role::Operator), ("g-root", Role::Admin)];
        Mapping {
            username_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            roles_claim: "groups".to_owned(),
            groups: groups.into_iter().map(|(from, to)| (from.to_owned(), to.to_owned())).collect(),
            roles: roles.into_iter().map(|(from, to)| (from.to_owned(), to)).collect(),
            create_users: true,
            email_domains: Vec::new(),
        }
    }

    fn claims(all: &Value) -> Claims {
        Claims::new("https://id.example.org", "1", all.as_object().unwrap().clone())
    }

    fn group(id: i64, name: &str, members: &[i64]) -> (i64, Group) {
        let (name, members) = (name.to_owned(), members.to_vec());
        (id, Group { id, name, members, created: Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn a_name_is_made_of_an_address_and_what_cannot_be_one_is_none() {
        let name = |text: Value| mapping().wanted(&claims(&json!({ "preferred_username": text }))).username;
        assert_eq!(name(json!("Ann.Lee@example.org")).as_deref(), Some("ann.lee"));
        assert_eq!(name(json!("ann")).as_deref(), Some("ann"));
        for bad in
            [json!("安"), json!("@example.org"), json!("-x"), json!("a b"), json!(7), json!("x".repeat(65))]
        {
            assert_eq!(name(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn the_first_role_of_the_list_counts_and_nobody_is_an_administrator_unasked() {
        let role = |groups: Value| mapping().wanted(&claims(&json!({ "groups": groups }))).role;
        assert_eq!(role(json!(["g-ops", "g-root"])), Some(Role::Admin));
        assert_eq!(role(json!(["g-ops"])), Some(Role::Operator));
        assert_eq!(role(json!(["admin", "root"])), Some(Role::User));
        assert_eq!(role(json!({ "g-root": true })), Some(Role::User));
        let none = Mapping { roles: BTreeMap::new(), ..mapping() };
        assert_eq!(none.wanted(&claims(&json!({ "groups": ["g-root"] }))).role, None);
    }

    #[test]
    fn groups_that_are_mapped_are_followed_and_others_are_left() {
        let groups: BTreeMap<_, _> =
            [group(1, "operations", &[7]), group(2, "developers", &[]), group(3, "friends", &[7])].into();
        let moves = |values: Value| {
            let moves = mapping().wanted(&claims(&json!({ "groups": values }))).moves(&groups, 7);
            (moves.into, moves.out_of)
        };
        assert_eq!(moves(json!(["g-dev"])), (vec![2], vec![1]));
        assert_eq!(moves(json!(["g-oncall", "g-dev", "x"])), (vec![2], vec![]));
        assert_eq!(moves(json!([])), (vec![], vec![1]));
        assert_eq!(moves(json!(null)), (vec![], vec![1]), "a provider that says nothing gives nothing");
        let wanted = mapping().wanted(&claims(&json!({ "groups": ["g-dev"] })));
        assert_eq!(wanted.moves(&BTreeMap::new(), 7).missing, ["developers"]);
    }

    #[test]
    fn only_a_verified_address_of_a_domain_counts() {
        let mapping = Mapping { email_domains: vec!["example.org".to_owned()], ..mapping() };
        let lets_in = |email: &str, verified: bool| {
            mapping.lets_in(&claims(&json!({ "email": email, "email_verified": verified })))
        };
        assert!(lets_in("ann@Example.org", true));
        assert!(!lets_in("ann@example.org", false));
        assert!(!lets_in("ann@example.org.evil.net", true));
        assert!(!lets_in("ann@sub.example.org", true));
        assert!(!lets_in("example.org", true));
        assert!(!mapping.lets_in(&claims(&json!({}))));
    }
}
