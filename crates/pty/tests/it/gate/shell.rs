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
