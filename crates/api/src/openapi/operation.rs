//! What the document says of one route, as the route table says it.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

/// What a route is described by. Made with [`says`], one call per fact.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    summary: &'static str,
    id: Option<&'static str>,
    tag: Option<&'static str>,
    /// Schemas of path parameters that are not a session's uid, by name.
    ids: Vec<(&'static str, Value)>,
    query: Vec<Value>,
    body: Option<Value>,
    answers: Vec<(u16, Value)>,
    problems: Vec<u16>,
    refuses_users: bool,
    /// Named schemas of the body that is sent.
    asked: Vec<(String, Value)>,
    /// Named schemas of what comes back.
    given: Vec<(String, Value)>,
}

/// A route in one sentence, without a full stop.
pub(crate) fn says(summary: &'static str) -> Operation {
    Operation {
        summary,
        id: None,
        tag: None,
        ids: Vec::new(),
        query: Vec::new(),
        body: None,
        answers: Vec::new(),
        problems: Vec::new(),
        refuses_users: false,
        asked: Vec::new(),
        given: Vec::new(),
    }
}

impl Operation {
    /// An operation id other than the handler's name.
    pub(crate) fn named(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// A tag other than the first word of the path after `/api/v1/`.
    pub(crate) fn under(mut self, tag: &'static str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// What stands in the path as `{name}`, when it is not a UUID.
    pub(crate) fn id<T: ToSchema>(mut self, name: &'static str) -> Self {
        self.ids.push((name, to_value(&T::schema())));
        self
    }

    pub(crate) fn query<T: IntoParams>(mut self) -> Self {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        self.query.extend(parameters.iter().map(to_value));
        self
    }

    /// A body of JSON.
    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        let schema = schema::<T>(&mut self.asked);
        self.body =
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
        self
    }

    /// A body of bytes.
    pub(crate) fn takes_bytes(mut self) -> Self {
        self.body = Some(json!({ "required": true, "content": { "application/octet-stream": {} } }));
        self
    }

    /// A body of JSON on success.
    pub(crate) fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        let schema = schema::<T>(&mut self.given);
        self.gives_content(status, "application/json", &schema)
    }

    /// A bare array of these: what older clients expect.
    #[allow(dead_code, reason = "for the oldest paths")]
    pub(crate) fn lists<T: ToSchema>(mut self, status: u16) -> Self {
        let items = schema::<T>(&mut self.given);
        self.gives_content(status, "application/json", &json!({ "type": "array", "items": items }))
    }

    /// Success without a body.
    pub(crate) fn gives_nothing(self, status: u16) -> Self {
        self.answer(status, json!({ "description": reason(status) }))
    }

    /// Something that is not JSON.
    pub(crate) fn gives_text(self, status: u16, media_type: &str) -> Self {
        self.gives_content(status, media_type, &json!({ "type": "string" }))
    }

    /// A WebSocket: what goes over it, in words.
    pub(crate) fn upgrades(mut self, words: &str) -> Self {
        self.problems.extend([400, 403, 426]);
        self.answer(101, json!({ "description": words }))
    }

    /// Problems beyond those that every route of its kind may answer with.
    pub(crate) fn may(mut self, problems: &[u16]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }

    /// People who are no administrators get 403 here, though the route is for whoever has logged in.
    pub(crate) fn refuses_users(mut self) -> Self {
        self.refuses_users = true;
        self
    }

    fn gives_content(mut self, status: u16, media_type: &str, schema: &Value) -> Self {
        let content = json!({ "schema": schema });
        if let Some((_, answer)) = self.answers.iter_mut().find(|(known, _)| *known == status) {
            answer["content"][media_type] = content;
            return self;
        }
        self.answer(status, json!({ "description": reason(status), "content": { (media_type): content } }))
    }

    fn answer(mut self, status: u16, answer: Value) -> Self {
        self.answers.push((status, answer));
        self
    }

    pub(crate) fn asked(&self) -> &[(String, Value)] {
        &self.asked
    }

    pub(crate) fn given(&self) -> &[(String, Value)] {
        &self.given
    }

    pub(crate) fn summary(&self) -> &'static str {
        self.summary
    }

    pub(crate) fn is_refused_to_users(&self) -> bool {
        self.refuses_users
    }

    /// Whether it is a WebSocket.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.answers.iter().any(|(status, _)| *status == 101)
    }

    pub(crate) fn has_query(&self) -> bool {
        !self.query.is_empty()
    }

    pub(crate) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// The operation id: the handler's name, which tells that of an older path apart.
    pub(crate) fn operation_id(&self, path: &str, handler: &'static str) -> String {
        let name = handler.rsplit("::").next().unwrap_or(handler).trim();
        match (self.id, self.tag(path)) {
            (Some(id), _) => id.to_owned(),
            (None, "compat") => format!("compat_{name}"),
            (None, _) => name.to_owned(),
        }
    }

    pub(crate) fn tag(&self, path: &str) -> &'static str {
        if let Some(tag) = self.tag {
            return tag;
        }
        const AREAS: [&str; 19] = [
            "sessions",
            "session-settings",
            "recordings",
            "shares",
            "users",
            "groups",
            "servers",
            "grants",
            "access-requests",
            "credentials",
            "connections",
            "rules",
            "reviews",
            "alerts",
            "tokens",
            "me",
            "events",
            "login",
            "logout",
        ];
        match path.strip_prefix("/api/v1/") {
            Some(rest) => {
                let first = rest.split('/').next().unwrap_or_default();
                AREAS.into_iter().find(|area| *area == first).unwrap_or("v1")
            }
            None if path.starts_with("/api/") => "compat",
            None => "server",
        }
    }

    /// Every status a client may meet: success first, then problems, each once.
    pub(crate) fn statuses(&self, by_access: &[u16]) -> (Vec<u16>, Vec<u16>) {
        let answers = self.answers.iter().map(|(status, _)| *status).collect::<Vec<_>>();
        let mut problems: Vec<_> = self.problems.iter().chain(by_access).copied().collect();
        problems.sort_unstable();
        problems.dedup();
        problems.retain(|status| !answers.contains(status));
        (answers, problems)
    }

    /// The operation object (OpenAPI 3.1, section 4.8.10).
    pub(crate) fn object(&self, method: &Method, path: &str, id: &str, by_access: &[u16]) -> Value {
        let (_, problems) = self.statuses(by_access);
        let mut responses: Map<String, Value> =
            self.answers.iter().map(|(status, answer)| (status.to_string(), answer.clone())).collect();
        for status in problems {
            let reference = json!({ "$ref": format!("#/components/responses/{}", problem_name(status)) });
            responses.insert(status.to_string(), reference);
        }
        let mut parameters: Vec<_> = in_path(path).map(|name| self.path_parameter(name)).collect();
        parameters.extend(self.query.iter().cloned());
        let mut object = json!({
            "operationId": id,
            "summary": self.summary,
            "tags": [self.tag(path)],
            "responses": responses,
        });
        if !parameters.is_empty() {
            object["parameters"] = Value::Array(parameters);
        }
        if let Some(body) = &self.body {
            debug_assert!(*method != Method::GET, "{path}: a GET has no body");
            object["requestBody"] = body.clone();
        }
        object
    }

    fn path_parameter(&self, name: &str) -> Value {
        let known = self.ids.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema.clone());
        let schema = known.unwrap_or_else(|| json!({ "type": "string", "format": "uuid" }));
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    }
}

/// A reference to the type's schema where it is an object with a name, which joins `named` with its
/// parts; else the schema itself.
fn schema<T: ToSchema>(named: &mut Vec<(String, Value)>) -> Value {
    let schema = to_value(&T::schema());
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    named.extend(parts.iter().map(|(name, schema)| (name.clone(), to_value(schema))));
    if !["properties", "allOf", "oneOf", "enum"].iter().any(|key| schema.get(key).is_some()) {
        return schema;
    }
    let name = T::name().into_owned();
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    named.push((name, schema));
    reference
}

/// The names of the parameters in a path.
pub(crate) fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The name of the shared answer for a status: `NotFound`.
pub(crate) fn problem_name(status: u16) -> String {
    reason(status).split([' ', '-']).collect()
}

pub(crate) fn reason(status: u16) -> &'static str {
    let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.expect("the table holds registered status codes only")
}

fn to_value(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("schemas are JSON")
}
