//! What is allowed runs as ever; what is refused does not.

use bastide_pty::gate::{Action, Profile, Report};

use super::desk::{Desk, NO_RULES, set};

const BOTH: [Profile; 2] = [Profile::Closed, Profile::Workbench];

#[tokio::test]
async fn what_is_allowed_runs_and_is_reported_with_what_was_loaded() {
    for profile in BOTH {
        let mut desk = Desk::bash(profile, NO_RULES, "cd /usr; ls -d bin; exit 3").await;
        let (output, exit) = desk.finish().await;
        assert_eq!((output.as_str(), exit.code), ("bin\n", 3), "{:?}", desk.reports);
        let [verdict] = desk.verdicts("ls")[..] else { panic!("{:?}", desk.reports) };
        assert_eq!(verdict.decision.action, Action::Allow);
        assert!(verdict.loaded);
        assert_eq!(verdict.start.argv, ["ls", "-d", "bin"]);
        assert_eq!(verdict.start.cwd, "/usr");
        assert_eq!(verdict.start.exe, "/usr/bin/ls");
        assert!(desk.reports.contains(&Report::Exited { code: 3, signal: None }));
    }
}

#[tokio::test]
async fn what_is_refused_does_not_run_and_the_shell_goes_on() {
    for profile in BOTH {
        let mut desk =
            Desk::bash(profile, &set("deny", &["id"]), "id; echo $?; /usr/bin/id; echo $?; echo on").await;
        let (output, exit) = desk.finish().await;
        assert_eq!(exit.code, 0);
        assert!(!output.contains("uid="), "{output}");
        assert!(
            output.contains("Permission denied") && output.contains("126\n") && output.ends_with("on\n"),
            "{output}"
        );
        assert_eq!(desk.actions("id"), [(Action::Deny, false); 2]);
    }
}

/// A list of what may run, in *closed*: the name is that of the file that is loaded, whatever it was called.
#[tokio::test]
async fn what_may_run_is_known_by_what_is_loaded() {
    const LIST: &str = r#"{"version":1,"default":{"action":"deny","unknown":"deny"},
        "rules":[{"id":"may","priority":1,"action":"allow","match":{"programs":["ls","env","ln","cat"]}}]}"#;
    let home = super::desk::folder();
    let script = "cd ~; ls -d /usr; env ls -d /bin; cat < /dev/null && echo cat=$?; \
        ln -s /usr/bin/python3 ls; ln -s /usr/bin/id cat; ./ls -c 'print(\"RAN\", 1)'; PATH=$HOME ls -c 'print(\"RAN\", 2)'; ./cat; \
        (exec -a ls python3 -c 'print(\"RAN\", 3)'); (exec -a /usr/bin/ls id); env -S 'id -a'; env ls=1 id; \
        /lib64/ld-linux-x86-64.so.2 /usr/bin/ls -d /RAN; bash -c 'echo RAN 5'; /proc/self/exe -c 'echo RAN 6'; \
        exec 9< /usr/bin/id; /proc/self/fd/9; ls() { id; }; ls; env env env id; echo end";
    let mut spawn = crate::terminals::program("/bin/bash", &["-c", script]);
    spawn.env.retain(|(name, _)| name != "HOME");
    spawn.env.push(("HOME".into(), home.path().into()));
    spawn.account.home = home.path().to_owned();
    let mut desk = Desk::open(super::desk::setup(spawn, Profile::Closed, LIST)).await;
    let (output, _) = desk.finish().await;
    assert!(output.starts_with("/usr\n/bin\ncat=0\n") && output.ends_with("end\n"), "{output}");
    assert!(!output.contains("uid=") && !output.contains("RAN "), "{output}");
    let started = |report: &Report| matches!(report, Report::Verdict(verdict) if verdict.loaded);
    assert_eq!(desk.reports.iter().filter(|report| started(report)).count(), 12, "{:?}", desk.reports);
}
