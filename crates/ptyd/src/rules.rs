//! Rule bundles: kept on disk under their digests, and what sessions are guarded with.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bastide_policy::{Bundle, MAX_BYTES};
use bastide_pty::gate::{self, Confinement, Layer, Layers, Profile, Supervisor};
use bastide_session::Guarding;
use bastide_wire::Spec;
use bastide_wire::control::{GateInfo, MissingLayer, label};
use bastide_wire::spec::LAYER_CGROUP;

use crate::Config;

/// Bundles that are kept: those of some weeks of changes. The oldest goes first.
const KEPT: usize = 64;
/// SHA-256 in hex.
const DIGEST: usize = 64;

/// Why a bundle was not taken or is not there.
#[derive(Debug)]
pub(crate) enum Refused {
    Invalid(String),
    Unknown(String),
    Disk(String),
}

pub(crate) struct Rules {
    directory: PathBuf,
    /// What sessions must not reach.
    hidden: Vec<PathBuf>,
    /// The one that was asked for last: mostly everybody has the same.
    last: Mutex<Option<(String, Arc<Bundle>)>>,
    layers: Layers,
    supervisor: Supervisor,
}

impl Rules {
    /// Tries what the machine has; that takes some milliseconds.
    pub(crate) fn open(directory: PathBuf, config: &Config) -> Self {
        let layers = gate::layers(&config.sessions.supervisor).unwrap_or_else(|error| {
            tracing::warn!(%error, "layers of command control were not tried; sessions that require one are refused");
            Layers::default()
        });
        Self {
            directory,
            hidden: hidden(config),
            last: Mutex::default(),
            layers,
            supervisor: config.sessions.supervisor.clone(),
        }
    }

    /// Keeps a bundle. Waits for the disk.
    pub(crate) fn put(&self, digest: &str, bytes: &[u8]) -> Result<(), Refused> {
        check(digest)?;
        if bytes.len() > MAX_BYTES {
            return Err(Refused::Invalid(format!("a bundle has at most {MAX_BYTES} bytes")));
        }
        let bundle = Bundle::from_bytes(bytes).map_err(|faults| Refused::Invalid(faults.to_string()))?;
        if bundle.digest_hex() != digest {
            return Err(Refused::Invalid("the bundle has another digest".to_owned()));
        }
        let path = self.path(digest);
        // What is there was looked at when it came; what has become of it since is seen when it is read.
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let disk = |error: io::Error| Refused::Disk(format!("{}: {error}", path.display()));
        let hidden = self.directory.join(format!(".{digest}.new"));
        write(&hidden, bytes).and_then(|()| fs::rename(&hidden, &path)).map_err(disk)?;
        self.forget_oldest(&path);
        self.remember(digest, Arc::new(bundle));
        Ok(())
    }

    /// The bundle of that digest. Waits for the disk.
    pub(crate) fn get(&self, digest: &str) -> Result<Arc<Bundle>, Refused> {
        check(digest)?;
        if let Some((_, bundle)) = self.last().as_ref().filter(|(known, _)| known == digest) {
            return Ok(Arc::clone(bundle));
        }
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Refused::Unknown(format!("no rules with the digest {digest}")));
            }
            Err(error) => return Err(Refused::Disk(format!("{}: {error}", path.display()))),
        };
        let bundle = Bundle::from_bytes(&bytes).ok().filter(|bundle| bundle.digest_hex() == digest);
        let Some(bundle) = bundle.map(Arc::new) else {
            // Somebody has changed it: it is asked for again.
            let _ = fs::remove_file(&path);
            return Err(Refused::Unknown(format!("the rules with the digest {digest} are damaged here")));
        };
        self.remember(digest, Arc::clone(&bundle));
        Ok(bundle)
    }

    /// What a session of this spec is guarded with; `None` when it names no rules.
    pub(crate) fn guarding(&self, spec: &Spec) -> Result<Option<Guarding>, Refused> {
        let required = self.required(spec).map_err(Refused::Invalid)?;
        let Some(digest) = &spec.rules else { return Ok(None) };
        Ok(Some(Guarding {
            rules: self.get(digest)?,
            confinement: Confinement { hidden: self.hidden.clone(), ..Confinement::default() },
            required,
            supervisor: self.supervisor.clone(),
        }))
    }

    fn required(&self, spec: &Spec) -> Result<Vec<Layer>, String> {
        let named = |name: &String| {
            let layer = Layer::ALL.into_iter().find(|layer| layer.name() == name);
            layer.ok_or_else(|| format!("there is no layer {name}"))
        };
        of_the_gate(spec).map(named).collect()
    }

    /// Why this session cannot have what it requires.
    pub(crate) fn lacks(&self, spec: &Spec) -> Option<String> {
        of_the_gate(spec).next()?;
        if spec.rules.is_none() || spec.ssh.is_some() {
            return Some("only a session on this machine that has rules can have layers".to_owned());
        }
        let missing: Vec<_> = of_the_gate(spec)
            .filter(|name| !self.layers.present.iter().any(|layer| layer.name() == **name))
            .map(String::as_str)
            .collect();
        let list = missing.join(", ");
        (!missing.is_empty()).then(|| format!("this machine lacks layers that the session requires: {list}"))
    }

    /// For who connects.
    pub(crate) fn describe(&self) -> GateInfo {
        let labelled = |profile| {
            if !self.layers.has(Layer::Notifier) || !self.layers.has(Layer::SecondCheck) {
                return label::NONE.to_owned();
            }
            match self.layers.label(profile) {
                gate::Label::Enforced => label::ENFORCED.to_owned(),
                gate::Label::Gated => label::GATED.to_owned(),
            }
        };
        let missing = self.layers.missing.iter();
        GateInfo {
            closed: labelled(Profile::Closed),
            workbench: labelled(Profile::Workbench),
            layers: self.layers.present.iter().map(|layer| layer.name().to_owned()).collect(),
            missing: missing
                .map(|missing| MissingLayer {
                    layer: missing.layer.name().to_owned(),
                    cause: missing.cause.clone(),
                })
                .collect(),
        }
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}.json"))
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(String, Arc<Bundle>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: &str, bundle: Arc<Bundle>) {
        *self.last() = Some((digest.to_owned(), bundle));
    }

    /// Sessions have theirs in memory; a file that is gone is put again by who needs it.
    fn forget_oldest(&self, but: &Path) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let mut kept: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| (entry.path(), entry.metadata().and_then(|data| data.modified())))
            .filter_map(|(path, modified)| Some((modified.ok()?, path)))
            .filter(|(_, path)| path != but)
            .collect();
        kept.sort();
        let surplus = (kept.len() + 1).saturating_sub(KEPT);
        for (_, path) in kept.into_iter().take(surplus) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "old rules were not removed");
            }
        }
    }
}

/// The others do not need rules.
fn of_the_gate(spec: &Spec) -> impl Iterator<Item = &String> {
    spec.layers.iter().filter(|layer| *layer != LAYER_CGROUP)
}

fn check(digest: &str) -> Result<(), Refused> {
    let is_hex = digest.len() == DIGEST && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { Ok(()) } else { Err(Refused::Invalid("a digest is 64 hexadecimal digits".to_owned())) }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The daemon's own files: its socket and what lies beside it, and its state.
fn hidden(config: &Config) -> Vec<PathBuf> {
    let mut hidden = vec![config.state_dir.clone()];
    for file in [&config.socket, &config.token_file] {
        match file.parent().filter(|parent| is_ours_alone(parent)) {
            Some(parent) => hidden.push(parent.to_owned()),
            None => hidden.push(file.clone()),
        }
    }
    hidden.dedup();
    hidden
}

/// A directory that holds the daemon's files and no others.
fn is_ours_alone(directory: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(directory) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("ptyd")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bastide_policy::RuleSet;

    use super::*;

    fn rules(directory: &Path) -> Rules {
        Rules {
            directory: directory.to_owned(),
            hidden: Vec::new(),
            last: Mutex::default(),
            layers: Layers { present: vec![Layer::Notifier], missing: Vec::new() },
            supervisor: Supervisor::this(),
        }
    }

    fn bundle(id: usize) -> Bundle {
        let set = format!(
            r#"{{"version":1,"rules":[{{"id":"r{id}","priority":1,"action":"deny","match":{{"programs":["rm"]}}}}]}}"#
        );
        Bundle::new(&RuleSet::parse(set.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_bundle_is_kept_under_its_digest_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let kept = rules(directory.path());
        let (one, two) = (bundle(1), bundle(2));
        let digest = one.digest_hex();
        kept.put(&digest, one.bytes()).unwrap();
        assert!(matches!(kept.put(&digest, two.bytes()), Err(Refused::Invalid(_))));
        assert!(matches!(kept.put(&digest, b"{}"), Err(Refused::Invalid(_))));
        assert!(matches!(kept.put("../../x", two.bytes()), Err(Refused::Invalid(_))));
        // Another daemon's life.
        assert_eq!(rules(directory.path()).get(&digest).unwrap().bytes(), one.bytes());
        assert!(matches!(kept.get(&two.digest_hex()), Err(Refused::Unknown(_))));
    }

    #[test]
    fn what_was_changed_on_disk_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let one = bundle(1);
        let digest = one.digest_hex();
        rules(directory.path()).put(&digest, one.bytes()).unwrap();
        fs::write(directory.path().join(format!("{digest}.json")), bundle(2).bytes()).unwrap();
        assert!(matches!(rules(directory.path()).get(&digest), Err(Refused::Unknown(_))));
    }

    #[test]
    fn only_so_many_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let kept = rules(directory.path());
        for id in 0..KEPT + 3 {
            let one = bundle(id);
            kept.put(&one.digest_hex(), one.bytes()).unwrap();
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), KEPT);
    }

    #[test]
    fn layers_that_are_not_there_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let kept = rules(directory.path());
        let spec = |layers: &[&str]| Spec {
            layers: layers.iter().map(|name| (*name).to_owned()).collect(),
            rules: Some("x".into()),
            ..Spec::default()
        };
        assert_eq!(kept.lacks(&spec(&["notifier"])), None);
        let why = kept.lacks(&spec(&["notifier", "mounts"])).unwrap();
        assert!(why.ends_with("requires: mounts"), "{why}");
        assert!(kept.lacks(&Spec { rules: None, ..spec(&["notifier"]) }).is_some());
    }
}
