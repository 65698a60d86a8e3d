//! The policies: who may do what, as `policies.cedar` says it in the words of `schema.cedarschema`.
//!
//! What can be asked is finite (role, action, set of rights, relation), so each answer is worked out once.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use bastide_store::{Rights, Role, User};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::Error;
use crate::context::Action;

const SCHEMA: &str = include_str!("schema.cedarschema");
const POLICIES: &str = include_str!("policies.cedar");

/// What an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum On {
    System,
    Server,
    Session,
}

impl On {
    const ALL: [Self; 3] = [Self::System, Self::Server, Self::Session];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Server => "Server",
            Self::Session => "Session",
        }
    }
}

/// What somebody is to a session, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) enum Relation {
    #[default]
    Stranger,
    Watcher,
    Writer,
    Owner,
}

impl Relation {
    pub(super) const ALL: [Self; 4] = [Self::Stranger, Self::Watcher, Self::Writer, Self::Owner];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Watcher => "watcher",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }
}

/// Whoever asks, as far as the policies look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asker {
    pub(crate) role: Role,
    pub(crate) enabled: bool,
}

impl Asker {
    pub(crate) fn of(user: &User) -> Self {
        Self { role: user.role, enabled: user.enabled }
    }

    pub(crate) fn with(role: Role) -> Self {
        Self { role, enabled: true }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Question {
    asker: Asker,
    action: Action,
    rights: Rights,
    relation: Relation,
}

pub(crate) struct Policies {
    authorizer: Authorizer,
    policies: PolicySet,
    /// By the action's place in the list of all.
    on: Vec<On>,
    /// The caller and all actions, for each kind of caller: an entity for each.
    entities: HashMap<Asker, Entities>,
    /// Never more than there are questions: some ten thousand.
    known: RwLock<HashMap<Question, bool>>,
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policies").finish_non_exhaustive()
    }
}

impl Policies {
    /// Reads and checks them: a server whose policies say something else than their schema does not start.
    ///
    /// # Errors
    /// `Invalid` with what is wrong.
    pub(crate) fn load() -> Result<Self, Error> {
        Self::read(SCHEMA, POLICIES).map_err(|why| Error::Invalid(format!("the access policies: {why}")))
    }

    fn read(schema: &str, policies: &str) -> Result<Self, String> {
        let (schema, warnings) = Schema::from_cedarschema_str(schema).map_err(|e| format!("{e:?}"))?;
        if let Some(warning) = warnings.into_iter().next() {
            return Err(warning.to_string());
        }
        let policies: PolicySet = policies.parse().map_err(|e| format!("{e:?}"))?;
        let found = Validator::new(schema.clone()).validate(&policies, ValidationMode::default());
        if let Some(wrong) = found.validation_errors().next() {
            return Err(wrong.to_string());
        }
        let on = Action::ALL.into_iter().map(|action| what_on(&schema, action)).collect::<Result<_, _>>()?;
        let mut entities = HashMap::new();
        for role in Role::ALL {
            for enabled in [true, false] {
                let asker = Asker { role, enabled };
                entities.insert(asker, entities_of(&schema, asker)?);
            }
        }
        Ok(Self { authorizer: Authorizer::new(), policies, on, entities, known: RwLock::default() })
    }

    /// What the action is done to.
    pub(crate) fn on(&self, action: Action) -> On {
        self.on[action as usize]
    }

    /// Whether somebody may do something to the gateway itself; to a server or a session by their role alone.
    pub(crate) fn allow(&self, asker: Asker, action: Action) -> bool {
        self.ask(Question { asker, action, rights: Rights::NONE, relation: Relation::default() })
    }

    /// Whether somebody who holds these rights on a server may do something to it.
    pub(crate) fn allow_on_server(&self, asker: Asker, action: Action, rights: Rights) -> bool {
        self.ask(Question { asker, action, rights, relation: Relation::default() })
    }

    /// Whether somebody who is this to a session may do something to it.
    pub(crate) fn allow_on_session(&self, asker: Asker, action: Action, relation: Relation) -> bool {
        self.ask(Question { asker, action, rights: Rights::NONE, relation })
    }

    fn ask(&self, question: Question) -> bool {
        // A panic while it was held left a map that is whole.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&question).copied();
        known.unwrap_or_else(|| {
            let answer = self.work_out(question);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(question, answer);
            answer
        })
    }

    /// What cannot be worked out is refused.
    fn work_out(&self, question: Question) -> bool {
        let Question { asker, action, rights, relation } = question;
        let words = |words: Vec<&str>| {
            RestrictedExpression::new_set(
                words.into_iter().map(|word| RestrictedExpression::new_string(word.to_owned())),
            )
        };
        let on = self.on(action);
        let pairs = match on {
            On::System => Vec::new(),
            On::Server => {
                vec![("rights".to_owned(), words(rights.iter().map(|right| right.as_str()).collect()))]
            }
            On::Session => {
                let relation = RestrictedExpression::new_string(relation.as_str().to_owned());
                vec![("relation".to_owned(), relation)]
            }
        };
        let Ok(context) = Context::from_pairs(pairs) else { return false };
        let resource = uid(on.as_str(), "any");
        let request =
            Request::new(uid("User", "caller"), uid("Action", action.as_str()), resource, context, None);
        let (Ok(request), Some(entities)) = (request, self.entities.get(&asker)) else { return false };
        let response = self.authorizer.is_authorized(&request, &self.policies, entities);
        for error in response.diagnostics().errors() {
            tracing::error!(%error, action = action.as_str(), "a policy cannot be judged");
        }
        response.decision() == Decision::Allow
    }
}

fn uid(kind: &str, name: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("the names of kinds are written here");
    EntityUid::from_type_name_and_id(kind, EntityId::new(name))
}

fn what_on(schema: &Schema, action: Action) -> Result<On, String> {
    let missing = || format!("the schema has no action {action}");
    let mut kinds = schema.resources_for_action(&uid("Action", action.as_str())).ok_or_else(missing)?;
    let kind = kinds.next().ok_or_else(missing)?.to_string();
    On::ALL.into_iter().find(|on| on.as_str() == kind).ok_or_else(missing)
}

fn entities_of(schema: &Schema, asker: Asker) -> Result<Entities, String> {
    let attributes = HashMap::from([
        ("role".to_owned(), RestrictedExpression::new_string(asker.role.as_str().to_owned())),
        ("enabled".to_owned(), RestrictedExpression::new_bool(asker.enabled)),
    ]);
    let caller = Entity::new(uid("User", "caller"), attributes, HashSet::new()).map_err(|e| e.to_string())?;
    Entities::from_entities([caller], Some(schema)).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_action_of_the_schema_is_one_of_ours_and_the_other_way_round() {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let groups: HashSet<_> = schema.action_groups().map(|uid| uid.id().unescaped().to_owned()).collect();
        let of_schema: HashSet<_> = schema.actions().map(|uid| uid.id().unescaped().to_owned()).collect();
        let ours: HashSet<_> = Action::ALL.into_iter().map(|action| action.as_str().to_owned()).collect();
        assert_eq!(of_schema.difference(&groups).cloned().collect::<HashSet<_>>(), ours);
        Policies::load().unwrap();
    }

    #[test]
    fn policies_that_are_none_do_not_start() {
        for wrong in [
            "permit (principal, action, resource) when { principal.rank == 1 };",
            "permit (principal is User, action == Action::\"fly\", resource);",
            "permit (",
        ] {
            assert!(Policies::read(SCHEMA, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_who_is_disabled_may_do_anything() {
        let policies = Policies::load().unwrap();
        for role in Role::ALL {
            let asker = Asker { role, enabled: false };
            for action in Action::ALL {
                assert!(!policies.allow_on_server(asker, action, Rights::all()), "{role:?} {action}");
                assert!(!policies.allow_on_session(asker, action, Relation::Owner), "{role:?} {action}");
            }
        }
    }

    /// Whatever an auditor is granted.
    #[test]
    fn auditors_see_and_change_nothing() {
        let policies = Policies::load().unwrap();
        let auditor = Asker::with(Role::Auditor);
        for action in [Action::ServerConnect, Action::ServerExecute, Action::FileUpload, Action::ServerChange]
        {
            assert!(!policies.allow_on_server(auditor, action, Rights::all()), "{action}");
        }
        assert!(!policies.allow_on_session(auditor, Action::SessionWrite, Relation::Owner));
        assert!(policies.allow_on_session(auditor, Action::RecordingRead, Relation::Stranger));
        assert!(policies.allow(auditor, Action::GrantList) && !policies.allow(auditor, Action::GrantCreate));
        assert!(policies.allow(auditor, Action::ServerRead), "each server, whatever is granted");
    }
}
