//! The page that says who may do what, `docs/guide/rights.md`: every decision of the policies, as a table.

use std::fmt::Write as _;
use std::sync::LazyLock;

use bastide_store::{Right, Rights, Role};

use super::policies::{Asker, On, Policies, Relation};
use crate::context::Action;

/// For documents; a server checks its own when it starts.
static POLICIES: LazyLock<Policies> = LazyLock::new(|| Policies::load().expect("a test reads them"));

const HEAD: &str = "\
# Who may do what

<!-- Made from the access policies by `make openapi`; a test compares. Do not edit. -->

A person has one role. What they may do on a server is said by their role or by *grants*: rights on servers (one, all
with a tag, all of a group, or all) for a person or a group, with the servers' default credentials, with listed ones or
with any, and if wanted until a time, within hours of the week, and from some networks only. A right that ends takes
its sessions with it within a second. A grant that is over can be seen for 90 days more; then the log remembers it.

- **admin**: everything.
- **operator**: adds and changes servers, and uses every one with any credential. Not people, rules or grants.
- **auditor**: sees everything: sessions, recordings, verdicts, alerts, rules, grants. Changes nothing, whatever is
  granted to them.
- **reviewer**: what a user may; decides on commands of others, and sees the sessions where one waits.
- **user**: what is granted to them.

| right | gives |
|---|---|
| connect | open terminals, together with *write* |
| write | type in them |
| observe | watch the terminals of others |
| upload | bring files there, and change, rename and remove them |
| download | fetch files from there |
| forward | reach what can be reached from there |
| execute | run commands without a terminal |
| manage | change the server's name, notes and host keys, see who can reach it, decide on requests for it: not for longer, at other hours, from other networks or with other credentials than their own |

What decides who gets in, by which rules, and where credentials are sent (address, way, credentials, tags, group,
platform) takes an operator or an administrator, whatever is granted: *server_redirect*.

In the tables, `yes` is by the role alone, `–` is never, and a word is what else it takes.
";

/// Whether the role alone lets somebody do this to the gateway.
pub fn role_may(role: Role, action: Action) -> bool {
    POLICIES.allow(Asker::with(role), action)
}

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    let parts = [
        (On::System, "The gateway"),
        (On::Server, "A server: which rights on it are enough"),
        (On::Session, "A session: as what"),
    ];
    for (on, title) in parts {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n## {title}\n\n| action |");
        for role in Role::ALL {
            let _ = write!(text, " {} |", role.as_str());
        }
        text.push_str("\n|---|---|---|---|---|---|\n");
        for action in Action::ALL.into_iter().filter(|action| POLICIES.on(*action) == on) {
            let _ = write!(text, "| {action} |");
            for role in Role::ALL {
                let _ = write!(text, " {} |", cell(on, Asker::with(role), action));
            }
            text.push('\n');
        }
    }
    text
}

/// The least that is enough.
fn cell(on: On, asker: Asker, action: Action) -> String {
    let never = || "–".to_owned();
    if POLICIES.allow(asker, action) {
        return "yes".to_owned();
    }
    match on {
        On::System => never(),
        On::Server => enough(asker, action).unwrap_or_else(never),
        On::Session => {
            let as_what =
                Relation::ALL.into_iter().find(|as_what| POLICIES.allow_on_session(asker, action, *as_what));
            as_what.map_or_else(never, |as_what| as_what.as_str().to_owned())
        }
    }
}

fn enough(asker: Asker, action: Action) -> Option<String> {
    let allowed = |rights: Rights| POLICIES.allow_on_server(asker, action, rights);
    let single: Vec<_> = Right::ALL.into_iter().filter(|right| allowed(Rights::NONE.with(*right))).collect();
    if single.len() == Right::ALL.len() {
        return Some("any".to_owned());
    }
    if !single.is_empty() {
        return Some(single.iter().map(|right| right.as_str()).collect::<Vec<_>>().join(" or "));
    }
    let pairs = Right::ALL.into_iter().flat_map(|one| Right::ALL.into_iter().map(move |other| (one, other)));
    let pair = pairs.into_iter().find(|(one, other)| allowed(Rights::NONE.with(*one).with(*other)))?;
    Some(format!("{} and {}", pair.0.as_str(), pair.1.as_str()))
}
