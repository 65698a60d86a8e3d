//! `bastide ptyd doctor`: what a session under command control has here, and what it lacks.

use anyhow::Context;
use bastide_pty::cgroup::{Cgroups, Controller};
use bastide_pty::gate::{self, Label, Layer, Layers, Profile, Supervisor};
use clap::Args;
use serde::Serialize;

use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
It tries each layer in a process of its own and changes nothing. Run it as the user that the sessions daemon \
runs as. With a layer missing that `enforced` needs, sessions are labelled `gated`: every program start is \
judged, but there are known ways round.

Examples:
  bastide ptyd doctor
  bastide ptyd doctor --json";

/// Say what keeps a session under command control in, on this machine and as this user
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Findings {
    uid: u32,
    closed: Label,
    workbench: Label,
    layers: Vec<Finding>,
    cgroup: Group,
}

/// Whether the processes of a session can be limited together.
#[derive(Debug, Serialize)]
struct Group {
    /// Of the kernel's controllers `pids`, `memory` and `cpu`.
    controllers: Vec<&'static str>,
    missing: Vec<&'static str>,
    /// Why there is no group to divide.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl Group {
    fn look() -> Self {
        let (found, cause) = match Cgroups::look() {
            Ok(found) => (found, None),
            Err(why) => (Controller::ALL.map(|controller| (controller, false)).into(), Some(why)),
        };
        let named = |wanted: bool| {
            let these = found.iter().filter(|(_, there)| *there == wanted);
            these.map(|(controller, _)| controller.name()).collect()
        };
        Self { controllers: named(true), missing: named(false), cause }
    }

    fn lines(&self) -> String {
        if self.missing.is_empty() {
            let what = "processes, memory and processor time of a session can be limited together";
            return format!("  yes  {:<14} {what}\n", "cgroup");
        }
        let missing = self.missing.join(", ");
        let cause = self.cause.clone().unwrap_or_else(|| format!("without the controllers {missing}"));
        let space = "";
        format!(
            "  no   {:<14} asked from here: {cause}\n       {space:<14} so: a session is limited process by process only ({missing})\n       \
             {space:<14} to get it: run the daemon as a systemd unit with Delegate=yes, or as root with cgroup v2\n",
            "cgroup"
        )
    }
}

#[derive(Debug, Serialize)]
struct Finding {
    layer: Layer,
    present: bool,
    /// Whether the label `enforced` needs it, in the profile *closed*.
    needed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

impl Doctor {
    pub(crate) fn run(&self) -> Outcome {
        let layers = gate::layers(&Supervisor::this()).context("cannot try the layers")?;
        let findings = findings(&layers, Group::look());
        if self.json {
            output::json(&findings)?;
        } else {
            output::print(page(&findings).as_bytes())?;
        }
        Ok(DONE)
    }
}

fn findings(layers: &Layers, cgroup: Group) -> Findings {
    let finding = |layer: Layer| {
        let present = layers.has(layer);
        let cause = layers.missing.iter().find(|missing| missing.layer == layer);
        Finding {
            layer,
            present,
            needed: layer.is_needed(Profile::Closed),
            cause: cause.map(|missing| missing.cause.clone()),
            without: (!present).then(|| layer.without()),
            remedy: (!present).then(|| layer.remedy()),
        }
    };
    Findings {
        uid: rustix::process::geteuid().as_raw(),
        closed: layers.label(Profile::Closed),
        workbench: layers.label(Profile::Workbench),
        layers: Layer::ALL.map(finding).into(),
        cgroup,
    }
}

fn page(findings: &Findings) -> String {
    let label = |label: Label| match label {
        Label::Enforced => "enforced",
        Label::Gated => "gated: an aid, not a boundary",
    };
    let mut page = format!(
        "A session under command control here, as uid {}:\n  profile closed     {}\n  profile workbench  {}\n\n",
        findings.uid,
        label(findings.closed),
        label(findings.workbench),
    );
    for finding in &findings.layers {
        let name = finding.layer.name();
        if finding.present {
            page.push_str(&format!("  yes  {name:<14} {}\n", finding.layer.meaning()));
            continue;
        }
        let cause = finding.cause.as_deref().unwrap_or("not there");
        page.push_str(&format!("  no   {name:<14} {cause}\n"));
        for (word, text) in [("so", finding.without), ("to get it", finding.remedy)] {
            page.push_str(&format!("       {:<14} {word}: {}\n", "", text.unwrap_or_default()));
        }
    }
    page.push_str(&findings.cgroup.lines());
    page
}

#[cfg(test)]
mod tests {
    use bastide_pty::gate::Missing;

    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_follows_and_how_to_get_it() {
        let missing = Missing { layer: Layer::Mounts, cause: "not permitted".into() };
        let layers = Layers { present: vec![Layer::Notifier], missing: vec![missing] };
        let cause = Some("nobody gave one".to_owned());
        let group = Group { controllers: Vec::new(), missing: vec!["memory"], cause };
        let page = page(&findings(&layers, group));
        let group = ["no   cgroup", "nobody gave one", "Delegate=yes"];
        for text in group.into_iter().chain([
            "gated: an aid",
            "yes  notifier",
            "no   mounts",
            "not permitted",
            "user namespaces",
        ]) {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
}
