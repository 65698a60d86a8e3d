//! What it costs to decide whether somebody may: with 10,000 grants, on one server and on all of 10,000.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bastide_app::page::Piece;
use bastide_app::servers::{self, Filter};
use bastide_app::sessions::OnServer;
use bastide_app::store::{
    self, CredentialKind, Credentials, Grant, GrantTarget, Grantee, NewCredential, NewUser, Right, Rights,
    Role, ServerSettings, Store, Terms, UserKey,
};
use bastide_app::streams::{self, Transfer};
use bastide_app::vault::{KeyFile, KeySource};
use bastide_app::{App, Clock, Config, Ctx, DaemonConfig, DataDir, Origin};
use bastide_rt::{Shutdown, Tasks};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Bench;
use crate::report::Row;
use crate::stats::{Times, show};

/// As many as there may be.
const GRANTS: usize = 10_000;
const SERVERS: usize = 10_000;
const GROUPS: usize = 50;
const TAGS: usize = 100;
/// Of one in so many servers the person has a grant of their own; more come by groups and tags.
const OWN: usize = 4;
const DECISIONS: usize = 20_000;
const LISTS: usize = 100;
/// What a page shows at once.
const PAGE: u32 = 200;
/// Of nobody's private key: it is only looked up.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfTIAhlLlYNhE1KfhRBIAjipxMB8S0LpGO92jjcJNnr";
const WHO: &str = "measured";

pub(super) fn measure(_: &Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let directory = tempfile::Builder::new().prefix("bastide-bench-rights").tempdir()?;
    runtime.block_on(async {
        let data = DataDir::open(directory.path().join("data"))?;
        let (servers, credential) = fill(&Store::open(&data.database()).await?).await?;
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let app = App::start(config(data, directory.path()), tasks, shutdown.clone()).await?;
        let here = Some(std::net::Ipv4Addr::LOCALHOST.into());
        let origin = Origin { request_id: "bench".into(), address: here, agent: None };
        let ctx = app.enter_by_key(WHO, KEY, origin).await?;
        let rows = rows(&ctx, (&servers, credential)).await;
        shutdown.advance(bastide_rt::Phase::Stopped);
        rows
    })
}

fn config(data_dir: DataDir, beside: &std::path::Path) -> Config {
    Config {
        vault: KeySource::File(KeyFile::new(beside.join("vault.key"))),
        webhook: None,
        ssh_door: bastide_app::SshDoor::default(),
        second_factor: Vec::new(),
        data_dir,
        // Nobody listens there: no session is opened.
        daemon: DaemonConfig {
            connection: bastide_testkit::client::Config::new(beside.join("ptyd.sock")),
            launch: None,
            hint: None,
        },
        account: "nobody".to_owned(),
        clock: Clock::system(),
        recordings: beside.join("recordings"),
        history: bastide_app::history::Config::default(),
        login_lifetime: bastide_app::login::DEFAULT_LIFETIME,
        single_sign_on: None,
    }
}

/// Somebody in five groups of fifty; their servers, and the credential of all.
async fn fill(store: &Store) -> Result<(Vec<i64>, i64)> {
    let now = Timestamp::now();
    let who = NewUser { username: WHO.to_owned(), display_name: None, role: Role::User, account: None };
    let user = store.add_user(who, Uuid::now_v7(), now).await?;
    let key = UserKey {
        id: Uuid::now_v7(),
        user_id: user,
        name: WHO.to_owned(),
        algorithm: "ssh-ed25519".to_owned(),
        key: KEY.to_owned(),
        fingerprint: String::new(),
        created: now,
        last_used: None,
    };
    store.add_user_key(&key).await?;
    let credential = NewCredential {
        uid: Uuid::now_v7(),
        name: "all".to_owned(),
        username: "root".to_owned(),
        kind: CredentialKind::Ask,
        certificate: None,
        public_key: None,
        fingerprint: None,
    };
    let credential = store.add_credential(&credential, &store::Secrets::default(), now).await?;
    let settings: Vec<ServerSettings> = (0..SERVERS).map(|number| server(number, credential)).collect();
    let servers = store.add_servers(&settings, now).await?;
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        let members = if number % 10 == 0 { vec![user] } else { Vec::new() };
        groups.push(store.add_group(&format!("group {number}"), &members, now).await?);
    }
    for number in 0..GRANTS {
        store.add_grant(&grant(number, (user, &groups, &servers), now)).await?;
    }
    Ok((servers, credential))
}

fn server(number: usize, credential: i64) -> ServerSettings {
    ServerSettings {
        name: format!("server-{number:05}"),
        host: format!("10.0.{}.{}", number / 250, number % 250),
        port: 22,
        platform: "linux".to_owned(),
        tags: vec![format!("tag{}", number % TAGS), "all".to_owned()],
        default_credential: Some(credential),
        ..ServerSettings::default()
    }
}

/// A quarter on servers for the person; the rest for groups, on servers, and now and then on a tag; some within hours,
/// some with an end.
fn grant(number: usize, (user, groups, servers): (i64, &[i64], &[i64]), now: Timestamp) -> Grant {
    let own = number.is_multiple_of(OWN);
    let on = match number % 40 {
        39 => GrantTarget::Tag(format!("tag{}", (number / 40) % TAGS)),
        _ => GrantTarget::Server(servers[number % SERVERS]),
    };
    let times = match number % 8 {
        1 | 4 => r#"[{"from":"00:00","to":"24:00","zone":"Europe/Berlin"}]"#,
        _ => "[]",
    };
    let expires = number.is_multiple_of(3).then(|| now + SignedDuration::from_hours(24 * 30));
    Grant {
        id: 0,
        to: if own { Grantee::User(user) } else { Grantee::Group(groups[number % GROUPS]) },
        on,
        rights: Rights::usual().with(Right::Download),
        credentials: Credentials::Default,
        terms: Terms { times: times.to_owned(), networks: "[]".to_owned(), expires },
        request: None,
        created: now,
        created_by: "bench".to_owned(),
    }
}

async fn rows(ctx: &Ctx, (servers, credential): (&[i64], i64)) -> Result<Vec<Row>> {
    let mut decisions = Times::default();
    let (mut yes, mut no) = (0, 0);
    for number in 0..DECISIONS {
        // Not one after the other: what one server's decision left in the caches is not the next one's.
        let on = OnServer { server: servers[number * 7919 % SERVERS], credential: Some(credential) };
        let began = Instant::now();
        let may = streams::may(ctx, on, Transfer::Download);
        decisions.push(began.elapsed());
        if may.is_ok() { yes += 1 } else { no += 1 }
    }
    let mut lists = Times::default();
    let mut last = None;
    for _ in 0..LISTS {
        let began = Instant::now();
        let piece = Piece { limit: PAGE, after: None };
        last = Some(servers::list(ctx, &Filter::default(), piece).await?);
        lists.push(began.elapsed());
    }
    let shown = last.context("at least one list")?.0.len();
    let (decision, list) = (decisions.p99(), lists.p99());
    Ok(vec![
        Row::new(
            format!("may somebody download from a server, with {GRANTS} grants"),
            format!("p99 {}, median {} ({yes} yes, {no} no)", show(decision), show(decisions.p50())),
        )
        .target("p99 ≤ 1 ms", decision <= Duration::from_millis(1)),
        Row::new(
            format!("which of {SERVERS} servers they may know of, the first {shown} of them described"),
            format!("p99 {}, median {}", show(list), show(lists.p50())),
        )
        .target("≤ 50 ms", list <= Duration::from_millis(50))
        .why("each server's grants are looked at; only decisions on the same rights are shared"),
    ])
}
