#![allow(clippy::unwrap_used)]

use bastide_store::{CredentialKind, NewCredential, Secrets};
use uuid::Uuid;

use super::*;

const UID: Uuid = Uuid::from_u128(7);

fn place(uid: &str) -> Place<'_> {
    Place { table: bastide_store::vault::CREDENTIALS, id: uid, field: bastide_store::vault::PASSWORD }
}

struct World {
    dir: tempfile::TempDir,
    store: Store,
    file: KeyFile,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("bastide.db")).await.unwrap();
        let file = KeyFile::new(dir.path().join(KEY_FILE));
        Self { dir, store, file }
    }

    async fn start(&self) -> Result<Keys, Error> {
        Keys::start(&self.store, KeySource::File(self.file.clone()), Timestamp::now()).await
    }

    /// With one stored secret.
    async fn with_secret() -> Self {
        let world = Self::new().await;
        let keys = world.start().await.unwrap();
        let sealed = keys.hold().await.seal(&place(&UID.to_string()), "hunter2").unwrap();
        let new = NewCredential {
            uid: UID,
            name: "ops".to_owned(),
            username: "root".to_owned(),
            kind: CredentialKind::Password,
            certificate: None,
            public_key: None,
            fingerprint: None,
        };
        let secrets = Secrets { password: Some(sealed), ..Secrets::default() };
        world.store.add_credential(&new, &secrets, Timestamp::now()).await.unwrap();
        world
    }

    async fn opens(&self, keys: &Keys) -> bool {
        let sealed = self.store.sealed().await.unwrap().remove(0);
        let held = keys.hold().await;
        held.open(&place(&sealed.uid), &sealed.bytes).is_ok_and(|text| text.as_str() == "hunter2")
    }
}

#[tokio::test]
async fn a_vault_never_starts_with_another_key_and_makes_none_over_secrets() {
    let world = World::with_secret().await;
    let key = world.file.read().unwrap();
    let aside = world.dir.path().join("aside");
    std::fs::rename(world.file.path(), &aside).unwrap();
    let missing = world.start().await.unwrap_err();
    assert!(missing.to_string().contains(&key.id().to_string()), "{missing}");
    assert!(!world.file.path().exists(), "no key was made");

    let other = world.file.create().unwrap();
    let wrong = world.start().await.unwrap_err().to_string();
    assert!(wrong.contains(&key.id().to_string()) && wrong.contains(&other.id().to_string()), "{wrong}");
    std::fs::rename(&aside, world.file.path()).unwrap();
    assert!(world.opens(&world.start().await.unwrap()).await);
}

#[tokio::test]
async fn a_change_that_was_cut_off_is_undone_or_finished() {
    let world = World::with_secret().await;
    // Before the transaction: the new key waits, and nothing is sealed under it.
    world.file.next().create().unwrap();
    assert!(world.opens(&world.start().await.unwrap()).await);
    assert!(!world.file.next().path().exists());

    // After it: the new key has not taken its place yet.
    let old = world.file.read().unwrap();
    let keys = world.start().await.unwrap();
    let rotated = keys.rotate(&world.store, None, Timestamp::now()).await.unwrap();
    std::fs::rename(world.file.path(), world.file.next().path()).unwrap();
    world.file.write(&old).unwrap();
    let keys = world.start().await.unwrap();
    assert!(world.opens(&keys).await);
    assert_eq!(world.file.read().unwrap().id().to_string(), rotated.to);
    assert!(!world.file.next().path().exists());
}

#[tokio::test]
async fn a_change_that_cannot_be_leaves_everything_as_it_was() {
    let world = World::with_secret().await;
    let keys = world.start().await.unwrap();
    let same = world.file.read().unwrap();
    assert!(keys.rotate(&world.store, Some(same), Timestamp::now()).await.is_err());
    assert!(!world.file.next().path().exists());
    // One secret that does not open.
    let mut sealed = world.store.sealed().await.unwrap();
    sealed[0].bytes[60] ^= 1;
    let kept = world.store.vault().await.unwrap().unwrap();
    let broken = world.store.rotate_vault(&kept.key_id, &kept, &sealed).await.unwrap();
    assert!(broken);
    assert!(keys.rotate(&world.store, None, Timestamp::now()).await.is_err());
    assert_eq!(world.store.vault().await.unwrap().unwrap().key_id, kept.key_id);
    assert!(!world.file.next().path().exists());

    let given =
        KeySource::Given { name: "BASTIDE_VAULT_KEY".to_owned(), text: world.file.read().unwrap().to_text() };
    let keys = Keys::start(&world.store, given, Timestamp::now()).await.unwrap();
    let why = keys.rotate(&world.store, None, Timestamp::now()).await.unwrap_err().to_string();
    assert!(why.contains("--key-stdin"), "{why}");
}
