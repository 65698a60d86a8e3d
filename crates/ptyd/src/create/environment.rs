//! Which variables reach a session: of those that are asked for, and ours about it.

use std::collections::BTreeMap;

use bastide_wire::Spec;
use bastide_wire::control::{is_meant, is_withheld};
use uuid::Uuid;

/// A function of an old bash, in a variable of any name.
const FUNCTION: &str = "() {";

/// What of the asked variables reaches the session. The daemon's own names are among none of them.
pub(super) fn allowed(asked: BTreeMap<String, String>, spec: &Spec) -> BTreeMap<String, String> {
    let rules = spec.environment.clone().unwrap_or_default();
    let allowed =
        |name: &str| rules.allow.as_ref().is_none_or(|allow| allow.iter().any(|a| is_meant(name, a)));
    let denied = |name: &str| is_withheld(name) || rules.deny.iter().any(|d| is_meant(name, d));
    let passes = |name: &str, value: &str| {
        allowed(name) && !denied(name) && !bastide_pty::withholds(name) && !value.starts_with(FUNCTION)
    };
    asked.into_iter().filter(|(name, value)| passes(name, value)).collect()
}

/// What each session can tell about itself, here and, where the server there accepts it, elsewhere. A request
/// cannot set these: the whole prefix is withheld.
pub(super) fn audit(spec: &Spec, uid: Uuid, node: Uuid) -> Vec<(String, String)> {
    let mut variables = vec![("BASTIDE_SESSION", uid.to_string()), ("BASTIDE_NODE", node.to_string())];
    if let Some(subject) = &spec.subject {
        let name = if subject.name.is_empty() { &subject.user } else { &subject.name };
        variables.push(("BASTIDE_USER", name.clone()));
        variables.push(("BASTIDE_USER_ID", subject.user.clone()));
    }
    if let Some(target) = &spec.target {
        variables.push(("BASTIDE_TARGET", target.clone()));
    }
    // They end up in the logs of others, one a line.
    let plain = |value: String| value.replace(|c: char| c.is_control(), "");
    variables.into_iter().map(|(name, value)| (name.to_owned(), plain(value))).collect()
}

#[cfg(test)]
mod tests {
    use bastide_wire::control::EnvironmentRules;
    use bastide_wire::spec::Subject;

    use super::*;

    fn left(names: &[&str], rules: Option<EnvironmentRules>) -> Vec<String> {
        let asked = names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        allowed(asked, &Spec { environment: rules, ..Spec::default() }).into_keys().collect()
    }

    #[test]
    fn variables_that_change_what_runs_never_get_in() {
        let bad = [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "LD_X",
            "BASH_ENV",
            "ENV",
            "PROMPT_COMMAND",
            "IFS",
            "SHELLOPTS",
            "BASHOPTS",
            "BASH_FUNC_ls%%",
            "BASH_FUNC_x()",
            "PS0",
            "PS4",
            "CDPATH",
            "GLOBIGNORE",
            "GCONV_PATH",
            "GLIBC_TUNABLES",
            "LOCPATH",
            "NLSPATH",
            "HISTFILE",
            "ZDOTDIR",
            "FPATH",
            "NULLCMD",
            "READNULLCMD",
            "PERL5OPT",
            "PERL5DB",
            "PYTHONSTARTUP",
            "PYTHONINSPECT",
            "RUBYOPT",
            "NODE_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "BASTIDE_SESSION",
            "BASTIDE_USER",
            "BASTIDE_X",
            "RUST_PTY_TOKEN_PATH",
            "NOTIFY_SOCKET",
        ];
        // Also where somebody allows them by name.
        let all = Some(vec!["*".to_owned()]);
        for name in bad {
            assert_eq!(left(&[name], None), Vec::<String>::new());
            let rules = EnvironmentRules { allow: all.clone(), deny: Vec::new() };
            assert_eq!(left(&[name], Some(rules)), Vec::<String>::new());
        }
        let good = ["EDITOR", "ENVIRONMENT", "HISTSIZE", "LANG", "LC_ALL", "PATH", "PS1", "TERM", "TZ"];
        assert_eq!(left(&good, None), good);
    }

    #[test]
    fn a_list_of_what_may_pass_and_one_of_what_may_not() {
        let names = ["EDITOR", "ENVIRONMENT", "LC_ALL", "LD_PRELOAD"];
        let allow = Some(vec!["LC_*".to_owned(), "LD_PRELOAD".to_owned()]);
        assert_eq!(left(&names, Some(EnvironmentRules { allow, deny: Vec::new() })), ["LC_ALL"]);
        let deny = vec!["EDITOR".to_owned(), "LC_*".to_owned()];
        assert_eq!(left(&names, Some(EnvironmentRules { allow: None, deny })), ["ENVIRONMENT"]);
    }

    #[test]
    fn a_function_in_a_variable_is_none() {
        let asked = BTreeMap::from([("X".to_owned(), "() { :; }; id".to_owned())]);
        assert!(allowed(asked, &Spec::default()).is_empty());
    }

    #[test]
    fn a_session_says_whose_it_is() {
        let subject = Subject { user: "7".into(), name: "ada\nBASTIDE_X=1".into(), ..Subject::default() };
        let spec = Spec { subject: Some(subject), target: Some("db1".into()), ..Spec::default() };
        let told = audit(&spec, Uuid::nil(), Uuid::max());
        let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("BASTIDE_SESSION", "00000000-0000-0000-0000-000000000000"),
            ("BASTIDE_NODE", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ("BASTIDE_USER", "adaBASTIDE_X=1"),
            ("BASTIDE_USER_ID", "7"),
            ("BASTIDE_TARGET", "db1"),
        ];
        assert_eq!(told, expected);
        assert_eq!(audit(&Spec::default(), Uuid::nil(), Uuid::nil()).len(), 2, "nobody in particular");
    }
}
