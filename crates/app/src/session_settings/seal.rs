//! Secret variables: sealed before they are stored, opened for a session.

use bastide_store::SealedVariable;
use bastide_store::vault::{SESSION_SECRETS, VALUE};
use bastide_vault::{Place, Vault};
use uuid::Uuid;

use super::Scope;
use super::document::Settings;
use super::merge::From;
use crate::Error;

/// The settings without the values of their secrets, the names of those that stay as they are, and the others sealed.
pub(super) fn seal(
    vault: &Vault,
    scope: Scope,
    mut settings: Settings,
) -> Result<(Settings, Vec<String>, Vec<SealedVariable>), Error> {
    let (mut kept, mut fresh) = (Vec::new(), Vec::new());
    for variable in settings.environment.iter_mut().filter(|variable| variable.secret) {
        let Some(value) = variable.value.take() else {
            kept.push(variable.name.clone());
            continue;
        };
        let (uid, name) = (Uuid::now_v7(), variable.name.clone());
        let value = vault.seal(&place(&uid.to_string()), &value)?;
        fresh.push(SealedVariable { scope, uid, name, value });
    }
    Ok((settings, kept, fresh))
}

/// Puts the values back.
pub(super) fn open(
    vault: &Vault,
    layers: &mut [(From, Settings)],
    sealed: &[SealedVariable],
) -> Result<(), Error> {
    for (from, settings) in layers {
        for variable in settings.environment.iter_mut().filter(|variable| variable.secret) {
            let its = |one: &&SealedVariable| From::of(one.scope) == *from && one.name == variable.name;
            if let Some(one) = sealed.iter().find(its) {
                variable.value = Some(vault.open(&place(&one.uid.to_string()), &one.value)?.to_string());
            }
        }
    }
    Ok(())
}

fn place(uid: &str) -> Place<'_> {
    Place { table: SESSION_SECRETS, id: uid, field: VALUE }
}
