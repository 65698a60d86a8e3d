//! What has to be right about a session on another machine before it is dialled, and what the log keeps of it.

use bastide_session::Start;
use bastide_wire::request::Create;
use bastide_wire::spec::Spec;
use bastide_wire::ssh::{Hop, Login, MAX_HOPS, Ssh};
use serde_json::{Value, json};

use super::environment;

/// Longest name of a server, a host or an account: names of the domain system have 253 bytes.
const NAME_MAX: usize = 255;
/// Ways to log in at one server; more tries than any server allows (OpenSSH: 6).
const LOGINS_MAX: usize = 8;
/// Accepted keys and authorities of one server. A server has a handful of keys; this is a bound against mistakes.
const KEYS_MAX: usize = 64;
/// Longest command in place of a shell: half of what Linux takes as one argument.
const COMMAND_MAX: usize = 64 * 1024;
/// Variables that are sent: each is a message of its own, and servers take few.
const VARIABLES_MAX: usize = 64;
/// Longest value: one packet takes it (RFC 4253, section 6.1).
const VALUE_MAX: usize = 32 * 1024 - 1024;
/// The terminal that our pages and the command line are.
const TERM: &str = "xterm-256color";

/// Takes the shell that is wanted out of the request, so that no secret stays in its spec.
/// `known`: that the caller knows of such sessions; and the variables that each session gets.
pub(super) fn start(
    create: &mut Create,
    spec: &mut Spec,
    (known, audit): (bool, Vec<(String, String)>),
) -> Result<Option<Start>, String> {
    let Some(to) = spec.ssh.take() else { return Ok(None) };
    if !known {
        // Whoever does not know of it would believe to have asked for a shell here.
        return Err("Invalid argument: this connection has not named backend_ssh".to_owned());
    }
    let without = [
        ("argv", create.argv.is_some()),
        ("shell", create.shell.is_some()),
        ("cwd", create.cwd.is_some()),
        ("account", spec.account.is_some()),
        ("limits", spec.limits.is_some()),
        // Whether a password is being typed is known to the other machine alone.
        ("recorded input", spec.recording.as_ref().is_some_and(|recording| recording.input)),
    ];
    if let Some((what, _)) = without.iter().find(|(_, named)| *named) {
        return Err(format!("Invalid argument: a session on another machine has no {what}"));
    }
    let mut asked = create.env.take().unwrap_or_default();
    let term = term(asked.remove("TERM"))?;
    asked.iter().try_for_each(|(name, value)| check_variable(name, value))?;
    let mut env: Vec<_> = environment::allowed(asked, spec).into_iter().collect();
    if env.len() > VARIABLES_MAX {
        return Err(format!(
            "Invalid argument: a session on another machine gets {VARIABLES_MAX} variables at most"
        ));
    }
    // First: a server that counts takes these.
    env.splice(0..0, audit);
    check(&to)?;
    Ok(Some(Start::Ssh { to, term, env }))
}

fn term(asked: Option<String>) -> Result<String, String> {
    let term = asked.unwrap_or_else(|| TERM.to_owned());
    let fits = !term.is_empty() && term.len() <= 64;
    if fits && term.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)) {
        return Ok(term);
    }
    Err("Invalid argument: TERM is a name of letters, digits and -_.+".to_owned())
}

fn check_variable(name: &str, value: &str) -> Result<(), String> {
    let named = !name.is_empty() && name.len() <= NAME_MAX && !name.contains(['=', '\0']);
    if named && value.len() <= VALUE_MAX && !value.contains('\0') {
        return Ok(());
    }
    Err(format!("Invalid argument: the variable {} is out of bounds", name.escape_default()))
}

fn check(to: &Ssh) -> Result<(), String> {
    if to.hops.is_empty() || to.hops.len() > MAX_HOPS {
        return Err(format!("Invalid argument: ssh has 1 to {MAX_HOPS} hops, not {}", to.hops.len()));
    }
    let runs = |command: &String| (1..=COMMAND_MAX).contains(&command.len()) && !command.contains('\0');
    if !to.command.as_ref().is_none_or(runs) {
        return Err(format!("Invalid argument: ssh command has 1 to {COMMAND_MAX} bytes, none of them zero"));
    }
    to.hops.iter().try_for_each(check_hop)
}

fn check_hop(hop: &Hop) -> Result<(), String> {
    let word = |text: &str| {
        !text.is_empty()
            && text.len() <= NAME_MAX
            && !text.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    let name = hop.name.len() <= NAME_MAX && !hop.name.chars().any(char::is_control);
    let wrong = [
        ("name", name && !hop.name.is_empty()),
        ("host", word(&hop.host)),
        ("port", hop.port != 0),
        // Accounts of Windows domains have blanks in their names.
        (
            "username",
            !hop.username.is_empty()
                && hop.username.len() <= NAME_MAX
                && !hop.username.chars().any(char::is_control),
        ),
        ("logins", hop.logins.len() <= LOGINS_MAX),
        ("host_keys", hop.host_keys.len() <= KEYS_MAX),
        ("host_authorities", hop.host_authorities.len() <= KEYS_MAX),
    ];
    match wrong.into_iter().find(|(_, right)| !right) {
        Some((what, _)) => Err(format!("Invalid argument: {what} of an ssh hop is missing or out of bounds")),
        None => Ok(()),
    }
}

/// Where it goes and how it logs in, in the log's words: no secret is among them.
pub(super) fn words(start: &Start) -> Option<Value> {
    let Start::Ssh { to, .. } = start else { return None };
    let hops: Vec<Value> = to
        .hops
        .iter()
        .map(|hop| {
            json!({
                "name": hop.name, "host": hop.host, "port": hop.port, "username": hop.username,
                "credential": hop.credential, "logins": hop.logins.iter().map(method).collect::<Vec<_>>(),
                "host_keys": hop.host_keys.len(), "host_authorities": hop.host_authorities.len(),
                "ask_host_key": hop.ask_host_key, "legacy_algorithms": hop.legacy_algorithms,
            })
        })
        .collect();
    Some(json!({ "hops": hops, "agent_forwarding": to.agent_forwarding }))
}

fn method(login: &Login) -> &'static str {
    match login {
        Login::Password { .. } => "password",
        Login::Key { certificate: Some(_), .. } => "certificate",
        Login::Key { .. } => "key",
        Login::KeyboardInteractive { .. } => "keyboard_interactive",
        Login::AskPassword => "ask_password",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bastide_wire::spec::{Limits, RecordingSpec};
    use bastide_wire::ssh::Secret;

    use super::*;

    fn hop() -> Hop {
        Hop {
            name: "db1".into(),
            host: "10.0.0.5".into(),
            port: 22,
            username: "root".into(),
            logins: vec![Login::Password { password: Secret::new("tr0ub4dor") }],
            ..Hop::default()
        }
    }

    fn spec(hops: Vec<Hop>) -> Spec {
        Spec { ssh: Some(Box::new(Ssh { hops, ..Ssh::default() })), ..Spec::default() }
    }

    fn refused(create: Create, mut spec: Spec) -> String {
        let mut create = create;
        start(&mut create, &mut spec, (true, Vec::new())).err().expect("it is refused")
    }

    #[test]
    fn a_shell_elsewhere_takes_its_secrets_out_of_the_spec() {
        let mut spec = spec(vec![hop()]);
        let start = start(&mut Create::default(), &mut spec, (true, Vec::new())).unwrap().unwrap();
        assert_eq!(spec, Spec::default());
        let words = words(&start).unwrap().to_string();
        assert!(words.contains("10.0.0.5") && words.contains("\"password\""), "{words}");
        assert!(!words.contains("tr0ub4dor"), "{words}");
    }

    #[test]
    fn variables_go_along_as_they_would_here() {
        let env = [("LANG", "C"), ("TERM", "vt100"), ("LD_PRELOAD", "x"), ("BASTIDE_SESSION", "mine")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut create = Create { env: Some(env.into()), ..Create::default() };
        let audit = vec![("BASTIDE_SESSION".to_owned(), "u1".to_owned())];
        let started = start(&mut create, &mut spec(vec![hop()]), (true, audit.clone())).unwrap();
        let Some(Start::Ssh { term, env, .. }) = started else { panic!("no shell elsewhere") };
        assert_eq!(term, "vt100");
        assert_eq!(env, [audit[0].clone(), ("LANG".to_owned(), "C".to_owned())]);
    }

    #[test]
    fn a_client_that_has_not_named_it_gets_no_shell_here_instead() {
        let mut spec = spec(vec![hop()]);
        assert!(start(&mut Create::default(), &mut spec, (false, Vec::new())).is_err());
    }

    #[test]
    fn what_makes_no_sense_elsewhere_is_refused() {
        let create = |change: fn(&mut Create)| {
            let mut create = Create::default();
            change(&mut create);
            refused(create, spec(vec![hop()]))
        };
        assert!(create(|c| c.argv = Some(vec!["ls".into()])).contains("argv"));
        assert!(create(|c| c.shell = Some("/bin/sh".into())).contains("shell"));
        assert!(create(|c| c.cwd = Some("/".into())).contains("cwd"));
        assert!(create(|c| c.env = Some([("A=B".into(), "/".into())].into())).contains("A=B"));
        assert!(create(|c| c.env = Some([("A".into(), "x".repeat(VALUE_MAX + 1))].into())).contains("A"));
        assert!(
            create(|c| c.env = Some((0..=VARIABLES_MAX).map(|n| (format!("A{n}"), String::new())).collect()))
                .contains("variables")
        );
        assert!(create(|c| c.env = Some([("TERM".into(), "a\nb".into())].into())).contains("TERM"));
        let with = |change: fn(&mut Spec)| {
            let mut spec = spec(vec![hop()]);
            change(&mut spec);
            refused(Create::default(), spec)
        };
        assert!(with(|s| s.account = Some("root".into())).contains("account"));
        assert!(with(|s| s.limits = Some(Limits::default())).contains("limits"));
        assert!(
            with(|s| s.recording = Some(RecordingSpec { input: true, ..Default::default() }))
                .contains("recorded input")
        );
    }

    #[test]
    fn hops_out_of_bounds_are_refused() {
        assert!(refused(Create::default(), spec(Vec::new())).contains("hops"));
        assert!(refused(Create::default(), spec(vec![hop(); MAX_HOPS + 1])).contains("hops"));
        let changes: [fn(&mut Hop); 5] = [
            |hop| hop.host = String::new(),
            |hop| hop.host = "a b".into(),
            |hop| hop.port = 0,
            |hop| hop.username = "a\u{1b}[m".into(),
            |hop| hop.host_keys = vec![String::new(); KEYS_MAX + 1],
        ];
        for change in changes {
            let mut wrong = hop();
            change(&mut wrong);
            assert!(refused(Create::default(), spec(vec![hop(), wrong])).contains("ssh hop"));
        }
    }
}
