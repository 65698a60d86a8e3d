//! Errors as problem documents (RFC 9457), with an extra `error` that repeats `detail` for older
//! clients that read that name.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::exec::NotApproved;
use bastide_app::files::FileError;
use bastide_app::store::ReviewState;
use bastide_app::{
    Conflict, DaemonError, Error, Forbidden, LoginError, Storage, Thing, Together, TooMany, What,
};
use serde_json::{Value, json};

/// What a handler fails with. The request's frame writes the body, because it knows the request id.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The last part of `type`; clients may branch on it.
    kind: &'static str,
    detail: String,
    /// Seconds until the same may be tried again.
    wait: Option<u64>,
    /// Further members. Boxed: every handler's result is as large as this.
    more: Box<serde_json::Map<String, Value>>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), wait: None, more: Box::default() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The response with its body.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let mut body = json!({
            "type": format!("urn:bastide:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "error": self.detail,
            "request_id": request_id,
        });
        for (name, value) in self.more.iter() {
            body[name] = value.clone();
        }
        let mut response = (self.status, body.to_string()).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1: a 401 names how to answer it.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, kind) = status_and_kind(&error);
        if status.is_server_error() {
            tracing::warn!(%error, "a request failed");
        }
        let wait = match &error {
            Error::Login(LoginError::TooManyAttempts { seconds }) => Some(*seconds),
            _ => None,
        };
        let more = Box::new(more(&error));
        Self { wait, more, ..Self::new(status, kind, error.to_string()) }
    }
}

/// What the kind of a problem says beyond its words.
fn more(error: &Error) -> serde_json::Map<String, Value> {
    let mut more = serde_json::Map::new();
    if let Some(faults) = bastide_app::rules::faults(error) {
        more.insert("faults".to_owned(), json!(faults));
    }
    if let Error::Login(LoginError::SecondFactor(needed)) = error {
        more.insert("second_factor".to_owned(), crate::factors::needed(needed));
    }
    if let Error::Forbidden(Forbidden::Command(refusal)) = error {
        more.insert("rule".to_owned(), json!(refusal.rule));
        more.insert("reason".to_owned(), json!({ "en": refusal.en(), "zh": refusal.zh() }));
    }
    if let Error::Forbidden(Forbidden::NotApproved(told)) = error {
        more.insert("review".to_owned(), json!(told.review));
        more.insert("reason".to_owned(), json!({ "en": told.en(), "zh": told.zh() }));
    }
    more
}

fn status_and_kind(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::NotLoggedIn => (StatusCode::UNAUTHORIZED, "not_logged_in"),
        Error::Login(LoginError::BadCredentials) => (StatusCode::UNAUTHORIZED, "bad_credentials"),
        Error::Login(LoginError::TooManyAttempts { .. }) => {
            (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts")
        }
        Error::Login(LoginError::LinkRefused) => (StatusCode::FORBIDDEN, "link_refused"),
        Error::Login(LoginError::SingleSignOn(_)) => (StatusCode::FORBIDDEN, "single_sign_on_refused"),
        Error::Login(LoginError::SecondFactor(_)) => (StatusCode::UNAUTHORIZED, "second_factor_needed"),
        Error::Login(LoginError::BadCode) => (StatusCode::UNAUTHORIZED, "bad_code"),
        Error::Login(LoginError::CodesLocked) => (StatusCode::FORBIDDEN, "codes_locked"),
        Error::Login(LoginError::StepOver) => (StatusCode::UNAUTHORIZED, "begin_again"),
        Error::Login(LoginError::WeakPassword(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "weak_password"),
        Error::Forbidden(Forbidden::ReadOnlyToken) => (StatusCode::FORBIDDEN, "read_only_token"),
        Error::Forbidden(Forbidden::WatchOnly) => (StatusCode::FORBIDDEN, "read_only"),
        Error::Forbidden(Forbidden::Command(_)) => (StatusCode::FORBIDDEN, "command_refused"),
        Error::Forbidden(Forbidden::NotApproved(told)) => (StatusCode::FORBIDDEN, not_approved(told)),
        Error::Forbidden(Forbidden::Own("a request")) => (StatusCode::FORBIDDEN, "own_request"),
        Error::Forbidden(Forbidden::Own(_)) => (StatusCode::FORBIDDEN, "own_review"),
        Error::Forbidden(Forbidden::Closed(_)) => (StatusCode::FORBIDDEN, "closed_now"),
        Error::Forbidden(Forbidden::Together(Together::ShownOut { .. })) => {
            (StatusCode::FORBIDDEN, "shown_out")
        }
        Error::Forbidden(
            Forbidden::Role(_)
            | Forbidden::NoRight(_)
            | Forbidden::NoShellHere(_)
            | Forbidden::Together(_)
            | Forbidden::NeedsBrowser
            | Forbidden::NotOwner,
        ) => (StatusCode::FORBIDDEN, "forbidden"),
        Error::NotFound(what) => (StatusCode::NOT_FOUND, not_found(*what)),
        Error::Conflict(Conflict::UsernameTaken(_)) => (StatusCode::CONFLICT, "username_taken"),
        Error::Conflict(Conflict::LastAdministrator) => (StatusCode::CONFLICT, "last_administrator"),
        Error::Conflict(Conflict::NameTaken { .. }) => (StatusCode::CONFLICT, "name_taken"),
        Error::Conflict(Conflict::InUse(_)) => (StatusCode::CONFLICT, "in_use"),
        Error::Conflict(Conflict::ChangedMeanwhile) => (StatusCode::CONFLICT, "changed_meanwhile"),
        Error::Conflict(Conflict::Rules(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_rules"),
        Error::Conflict(Conflict::Settings(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_settings"),
        Error::Conflict(Conflict::TooMany(TooMany::Sessions { .. })) => {
            (StatusCode::CONFLICT, "too_many_sessions")
        }
        Error::Conflict(Conflict::TooMany(TooMany::AtOnce { .. })) => {
            (StatusCode::TOO_MANY_REQUESTS, "too_many_at_once")
        }
        Error::Conflict(Conflict::NeedsReview { .. }) => (StatusCode::CONFLICT, "needs_review"),
        Error::Conflict(Conflict::ReviewClosed(_)) => (StatusCode::CONFLICT, "review_closed"),
        Error::Conflict(Conflict::RequestClosed(_)) => (StatusCode::CONFLICT, "request_closed"),
        Error::Conflict(Conflict::RulesUnreadable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "rules_unreadable")
        }
        Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        Error::Limit(_) => (StatusCode::SERVICE_UNAVAILABLE, "limit_reached"),
        Error::Daemon(DaemonError::Unreachable(_)) => (StatusCode::SERVICE_UNAVAILABLE, "daemon_unreachable"),
        Error::Daemon(DaemonError::Refused { .. }) => (StatusCode::BAD_GATEWAY, "daemon_refused"),
        Error::Ssh(_) => (StatusCode::BAD_GATEWAY, "ssh_failed"),
        Error::File(error) => of_file(error),
        Error::Storage(Storage::Journal(_)) => (StatusCode::SERVICE_UNAVAILABLE, "log_not_writable"),
        Error::Storage(Storage::Settings { .. }) => (StatusCode::SERVICE_UNAVAILABLE, "settings_unreadable"),
        Error::Storage(Storage::Database(_)) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
        Error::Storage(Storage::File { .. }) => (StatusCode::INTERNAL_SERVER_ERROR, "file"),
        Error::Storage(Storage::Vault(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "vault"),
        Error::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    }
}

fn of_file(error: &FileError) -> (StatusCode, &'static str) {
    match error {
        FileError::Missing(_) => (StatusCode::NOT_FOUND, "file_not_found"),
        FileError::Denied { .. } => (StatusCode::FORBIDDEN, "file_denied"),
        FileError::Exists(_) => (StatusCode::CONFLICT, "file_exists"),
        FileError::NotDirectory(_) => (StatusCode::CONFLICT, "no_directory"),
        FileError::IsDirectory(_) => (StatusCode::CONFLICT, "is_directory"),
        FileError::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
        FileError::Changed(_) => (StatusCode::PRECONDITION_FAILED, "file_changed"),
        FileError::Offset(_) => (StatusCode::CONFLICT, "upload_offset"),
        FileError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"),
        FileError::NotText(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_text"),
        FileError::Refused { .. } => (StatusCode::CONFLICT, "file_refused"),
        FileError::Lost(_) => (StatusCode::BAD_GATEWAY, "ssh_failed"),
    }
}

pub(crate) fn not_approved(told: &NotApproved) -> &'static str {
    match told.state {
        ReviewState::Refused => "review_refused",
        ReviewState::Expired => "review_expired",
        ReviewState::Open | ReviewState::Approved | ReviewState::Cancelled => "review_cancelled",
    }
}

fn not_found(what: What) -> &'static str {
    match what {
        What::Session(_) => "session_not_found",
        What::Viewer(_) => "viewer_not_found",
        What::User(_) => "user_not_found",
        What::Login => "login_not_found",
        What::Token(_) => "token_not_found",
        What::SshKey(_) => "ssh_key_not_found",
        What::Thing(Thing::Factor, _) => "factor_not_found",
        What::Review(_) => "review_not_found",
        What::Share(_) => "share_not_found",
        What::ShareLink => "share_refused",
        What::Recording(_) => "recording_not_found",
        What::Upload => "upload_not_found",
        What::Thing(Thing::Server, _) => "server_not_found",
        What::Thing(Thing::Credential, _) => "credential_not_found",
        What::Thing(Thing::Group, _) => "group_not_found",
        What::Thing(Thing::Grant, _) => "grant_not_found",
        What::Thing(Thing::HostKey, _) => "host_key_not_found",
        What::Thing(Thing::HostAuthority, _) => "host_authority_not_found",
        What::Thing(Thing::UserAuthority, _) => "user_authority_not_found",
        What::Thing(Thing::Connection, _) => "connection_not_found",
        What::Thing(Thing::AccessRequest, _) => "access_request_not_found",
        What::Thing(Thing::Identity, _) => "identity_not_found",
        What::Thing(Thing::RuleVersion, _) => "rule_version_not_found",
    }
}

/// The schema of what [`Problem::render`] writes.
pub(crate) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "error", "request_id"],
        "properties": {
            "type": text("`urn:bastide:problem:` and a word that clients may branch on."),
            "title": text("The status in words."),
            "status": { "type": "integer", "format": "int32", "description": "The status of the answer." },
            "detail": text("What went wrong with this request, for people."),
            "error": text("The same as `detail`, for clients that read this name."),
            "request_id": text("The same as the header `x-request-id`; it stands in the server's log."),
            "faults": {
                "type": "array",
                "description": "Of `invalid_rules` and `invalid_settings`: what is wrong, and where.",
                "items": {
                    "type": "object",
                    "required": ["place", "what"],
                    "properties": {
                        "place": text("Such as `rules[3].match.programs[0]`; empty for the whole."),
                        "what": text("What is wrong there."),
                    },
                },
            },
            "second_factor": {
                "type": "object",
                "description": "Of `second_factor_needed`: the first step is taken, and the second is to come.",
                "required": ["token", "ways", "expires"],
                "properties": {
                    "token": text("A secret: belongs with the second step, for five minutes, from the same address."),
                    "ways": {
                        "type": "array",
                        "description": "What it can be taken with. `enrol`: an app has to be set up first.",
                        "items": { "type": "string", "enum": ["totp", "passkey", "recovery", "enrol"] },
                    },
                    "expires": text("When the token is no longer good."),
                },
            },
            "rule": { "type": ["string", "null"], "description": "Of `command_refused`: the rule that decided." },
            "reason": {
                "type": "object",
                "description": "Of `command_refused`: the refusal in English (`en`) and Chinese (`zh`).",
                "required": ["en", "zh"],
                "properties": { "en": text("In English."), "zh": text("In Chinese.") },
            },
        },
    })
}
