//! Counts and durations for whoever watches the server, in the text format of Prometheus (0.0.4).
//!
//! Label values come from the route table, from lists in this program and from nowhere else: no request
//! can make a new series. What others know already (sessions, tasks) is read when somebody asks.

mod process;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bastide_app::App;
use bastide_app::connections::{self, Counts};
use metrics::{Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::server::Site;

/// Seconds. The smallest is what an answer from memory takes, the largest the longest anybody waits.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 35.0];

/// Durations are kept one by one until somebody asks; where nobody does, they are summed after so many.
const SUM_EVERY: u64 = 1024;

/// The label of whatever is no route: files of the page, and what is not there.
const NO_ROUTE: &str = "page";

/// Problems that mean that somebody tried to log in and may not.
const LOGIN_FAILURES: [&str; 3] = ["bad_credentials", "too_many_attempts", "link_refused"];

/// The problem of a request that the database failed.
const DATABASE: &str = "database";

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

const REQUESTS: &str = "bastide_http_requests_total";
const DURATIONS: &str = "bastide_http_request_duration_seconds";
const PROBLEMS: &str = "bastide_http_problems_total";
const FAILURES: &str = "bastide_login_failures_total";
const STORE: &str = "bastide_store_errors_total";

/// Clones count into the same sums.
#[derive(Debug, Clone)]
pub(crate) struct Measures {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    observed: AtomicU64,
}

/// One request that has been answered.
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a Method,
    /// The route's path as the table has it.
    pub(crate) route: Option<&'a str>,
    pub(crate) status: StatusCode,
    pub(crate) problem: Option<&'static str>,
    pub(crate) took: Duration,
}

impl Measures {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for (name, about) in [
            (REQUESTS, "Requests answered, by route."),
            (PROBLEMS, "Answers that are problem documents, by the last part of their type."),
            (FAILURES, "Attempts to log in that were refused."),
            (STORE, "Requests that failed because of the database."),
        ] {
            recorder.describe_counter(name.into(), None, about.into());
        }
        let about = "From the first byte of a request's head to the answer's head.";
        recorder.describe_histogram(DURATIONS.into(), Some(Unit::Seconds), about.into());
        let measures = Self { inner: Arc::new(Inner { recorder, handle, observed: AtomicU64::new(0) }) };
        // From zero on: a rate is wrong where a series begins with its first failure.
        for reason in LOGIN_FAILURES {
            measures.count(FAILURES, vec![Label::from_static_parts("reason", reason)], 0);
        }
        measures.count(STORE, Vec::new(), 0);
        measures
    }

    pub(crate) fn answered(&self, request: &Answered<'_>) {
        let method = Label::from_static_parts("method", known(request.method));
        let route = Label::new("route", request.route.unwrap_or(NO_ROUTE).to_owned());
        let status = Label::new("status", request.status.as_str().to_owned());
        self.count(REQUESTS, vec![method.clone(), route.clone(), status], 1);
        let key = Key::from_parts(DURATIONS, vec![method, route]);
        self.inner.recorder.register_histogram(&key, &METADATA).record(request.took);
        if let Some(kind) = request.problem {
            self.count(PROBLEMS, vec![Label::from_static_parts("kind", kind)], 1);
            if LOGIN_FAILURES.contains(&kind) {
                self.count(FAILURES, vec![Label::from_static_parts("reason", kind)], 1);
            }
            if kind == DATABASE {
                self.count(STORE, Vec::new(), 1);
            }
        }
        if self.inner.observed.fetch_add(1, Ordering::Relaxed) % SUM_EVERY == SUM_EVERY - 1 {
            self.inner.handle.run_upkeep();
        }
    }

    fn count(&self, name: &'static str, labels: Vec<Label>, by: u64) {
        self.inner.recorder.register_counter(&Key::from_parts(name, labels), &METADATA).increment(by);
    }

    async fn text(&self, app: &App) -> String {
        let mut text = self.inner.handle.render();
        now(app, &mut text);
        sign_ons(app, &mut text);
        ssh(app, &mut text).await;
        control(app, &mut text);
        process::write(&mut text);
        text
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics_get(State(site): State<Site>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, site.measures.text(&site.app).await).into_response()
}

/// Methods are words of the client; those that nothing here answers are one.
fn known(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|one| *one == method.as_str())
        .unwrap_or("other")
}

/// What can be seen at this moment.
fn now(app: &App, text: &mut String) {
    let table = app.live().borrow().clone();
    let running = table.sessions.values().filter(|one| one.runs()).count();
    let viewers = || table.sessions.values().flat_map(|session| &session.viewers);
    let writers = viewers().filter(|viewer| viewer.write).count();
    let watchers = viewers().count() - writers;
    let names = app.tasks().names();
    let sockets = |word: &str| names.iter().filter(|name| name.starts_with(word)).count();
    let version = env!("CARGO_PKG_VERSION");

    let mut gauge = |name: &str, about: &str, series: &[(&str, usize)]| {
        write_family(text, (name, "gauge", about), series);
    };
    gauge("bastide_build_info", "The version of this server.", &[(&format!("version=\"{version}\""), 1)]);
    gauge(
        "bastide_daemon_reachable",
        "Whether the session daemon answers.",
        &[("", usize::from(app.ready().is_ok()))],
    );
    let ended = table.sessions.len() - running;
    gauge(
        "bastide_sessions",
        "Sessions that the daemon lists.",
        &[("state=\"running\"", running), ("state=\"ended\"", ended)],
    );
    gauge(
        "bastide_viewers",
        "Attachments to sessions.",
        &[("may=\"write\"", writers), ("may=\"watch\"", watchers)],
    );
    gauge(
        "bastide_websockets",
        "Open WebSockets.",
        &[
            ("kind=\"terminal\"", sockets("terminal websocket")),
            ("kind=\"events\"", sockets("events websocket")),
            ("kind=\"socketio\"", sockets("socketio terminal")),
        ],
    );
    let commands = bastide_app::exec::running(app);
    gauge("bastide_commands_running", "Commands that run on servers now.", &[("", commands)]);
    let panics = usize::try_from(app.tasks().panics().borrow().count).unwrap_or(usize::MAX);
    write_family(
        text,
        ("bastide_task_panics_total", "counter", "Tasks of the server that panicked."),
        &[("", panics)],
    );
}

/// What became of those who came by single sign-on; absent where there is none.
fn sign_ons(app: &App, text: &mut String) {
    let counts = app.sign_ons();
    if counts.is_empty() {
        return;
    }
    let series: Vec<_> = counts
        .iter()
        .map(|(outcome, count)| {
            (format!("outcome=\"{outcome}\""), usize::try_from(*count).unwrap_or(usize::MAX))
        })
        .collect();
    let series: Vec<_> = series.iter().map(|(label, count)| (label.as_str(), *count)).collect();
    write_family(text, ("bastide_single_sign_ons_total", "counter", "Sign-ins by a provider."), &series);
}

/// Connections to servers, of both pools. Those of a daemon that does not tell are absent: zero would be a lie.
async fn ssh(app: &App, text: &mut String) {
    let mut pools = vec![("pool=\"commands\"", connections::own_counts(app))];
    pools.extend(connections::daemon_counts(app).await.map(|counts| ("pool=\"terminals\"", counts)));
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut family = |about: (&str, &str, &str), of: fn(&Counts) -> u64| {
        let series: Vec<_> = pools.iter().map(|(label, counts)| (*label, count(of(counts)))).collect();
        write_family(text, about, &series);
    };
    family(("bastide_ssh_connections", "gauge", "Connections to servers."), |counts| counts.connections);
    family(("bastide_ssh_channels", "gauge", "Terminals and commands in them."), |counts| counts.channels);
    family(("bastide_ssh_dials_total", "counter", "Connections begun."), |counts| counts.dials);
    let about = ("bastide_ssh_dial_failures_total", "counter", "Of those, the ones that failed.");
    family(about, |counts| counts.failed);
}

/// What was judged, and what people were told.
fn control(app: &App, text: &mut String) {
    let counted = bastide_app::alerts::counted(app);
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let verdicts = counted.verdicts.map(|(action, number)| (format!("action=\"{action}\""), count(number)));
    let series = verdicts.each_ref().map(|(label, number)| (label.as_str(), *number));
    write_family(text, ("bastide_verdicts_total", "counter", "Commands judged."), &series);
    let open = [("", counted.reviews_open)];
    write_family(text, ("bastide_reviews_open", "gauge", "Commands that wait for a second person."), &open);
    let alerts = [("", usize::try_from(counted.alerts).unwrap_or_default())];
    write_family(text, ("bastide_alerts_total", "counter", "Alerts, of all time."), &alerts);
    let sent = [("outcome=\"sent\"", count(counted.sent)), ("outcome=\"given_up\"", count(counted.given_up))];
    write_family(text, ("bastide_alert_webhook_total", "counter", "Alerts sent on."), &sent);
}

fn write_family(text: &mut String, (name, kind, about): (&str, &str, &str), series: &[(&str, usize)]) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
    for (labels, value) in series {
        let _ = match labels.is_empty() {
            true => writeln!(text, "{name} {value}"),
            false => writeln!(text, "{name}{{{labels}}} {value}"),
        };
    }
    text.push('\n');
}
