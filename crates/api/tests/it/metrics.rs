//! What whoever watches the server is told.

use crate::socket::Socket;
use crate::world::{Person, World, within};

/// The value of one series, as it stands in the text.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

pub(crate) async fn scrape(person: &Person) -> String {
    let answer = person.get("/metrics").send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.body
}

async fn until(person: &Person, series: &str, wanted: f64) {
    within(series, async { while value(&scrape(person).await, series) != Some(wanted) {} }).await;
}

#[tokio::test]
async fn requests_sockets_sessions_and_the_process_are_counted() {
    let mut world = World::start().await;
    let person = world.log_in().await;
    person.get("/api/v1/sessions").send().await;
    person.get("/api/v1/sessions").send().await;
    person.get("/api/v1/sessions/x").send().await;
    let uid = person.shell().await;
    let mut page = Socket::binary(&person, &uid, "client=a").await;
    page.hear("hello").await;

    let text = scrape(&person).await;
    let requests = |route: &str, status: u16| {
        let series =
            format!("bastide_http_requests_total{{method=\"GET\",route=\"{route}\",status=\"{status}\"}}");
        value(&text, &series)
    };
    assert_eq!(requests("/api/v1/sessions", 200), Some(2.0), "{text}");
    assert_eq!(requests("/api/v1/sessions/{uid}", 404), Some(1.0));
    let took = "bastide_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/sessions\"}";
    assert_eq!(value(&text, took), Some(2.0));
    assert_eq!(value(&text, "bastide_http_problems_total{kind=\"not_found\"}"), Some(1.0));
    assert_eq!(value(&text, "bastide_login_failures_total{reason=\"bad_credentials\"}"), Some(0.0));
    assert_eq!(value(&text, "bastide_daemon_reachable"), Some(1.0));
    assert_eq!(value(&text, "bastide_websockets{kind=\"terminal\"}"), Some(1.0));
    assert_eq!(value(&text, "bastide_task_panics_total"), Some(0.0));
    for series in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
        assert!(value(&text, series).is_some_and(|value| value > 0.0), "{series}");
    }
    assert!(value(&text, "process_start_time_seconds").is_some_and(|at| at > 1_700_000_000.0));
    assert!(text.contains("bastide_build_info{version="));
    until(&person, "bastide_sessions{state=\"running\"}", 1.0).await;
    until(&person, "bastide_viewers{may=\"write\"}", 1.0).await;
    drop(page);
    until(&person, "bastide_websockets{kind=\"terminal\"}", 0.0).await;
    world.daemon.take().unwrap().stop().await;
    until(&person, "bastide_daemon_reachable", 0.0).await;
    world.end().await;
}

#[tokio::test]
async fn no_request_makes_a_series_of_its_own_or_leaves_a_secret() {
    let world = World::start().await;
    let person = world.log_in().await;
    scrape(&person).await;
    let before = scrape(&person).await.lines().count();
    for number in 0..20 {
        world.get(&format!("/nothing/{number}")).send().await;
        world.get(&format!("/api/v1/sessions/{number}?token=s3cret")).send().await;
    }
    let text = scrape(&person).await;
    // Of the pages: a counter, and a histogram of 15 lines; of the route: the same and a problem.
    assert!(text.lines().count() - before < 60, "{text}");
    assert!(!text.contains("s3cret") && !text.contains("nothing"), "{text}");
    let refused = world.get("/metrics").send().await;
    assert_eq!((refused.status, refused.problem().as_str()), (401, "not_logged_in"));
    world.end().await;
}
