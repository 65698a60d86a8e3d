//! Logging in by both steps, with a server that has no sessions daemon.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicI64, Ordering};

use bastide_ptyd_client as ptyd;
use bastide_rt::{Shutdown, Tasks};
use bastide_store::{NewUser, Role};

use super::*;
use crate::context::{Caller, Shown as Showing};
use crate::password::Password;
use crate::vault::{KeyFile, KeySource};
use crate::{Clock, Config, DaemonConfig, DataDir};

mod ways_around;

const PASSWORD: &str = "a password for tests only";
/// An even minute, so that a step has its whole time.
const NOON: i64 = 1_800_000_000;

struct World {
    app: App,
    ahead: Arc<AtomicI64>,
    dir: tempfile::TempDir,
}

impl World {
    async fn start(required: &[Role]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead);
        let config = Config {
            data_dir: DataDir::open(&data).unwrap(),
            daemon: DaemonConfig {
                connection: ptyd::Config::new(dir.path().join("no.sock")),
                launch: None,
                hint: None,
            },
            account: "nobody".to_owned(),
            clock: Clock::from_fn(move || {
                Timestamp::from_second(NOON + clock.load(Ordering::Relaxed)).unwrap()
            }),
            recordings: dir.path().join("recordings"),
            history: crate::history::Config::default(),
            login_lifetime: crate::login::DEFAULT_LIFETIME,
            vault: KeySource::File(KeyFile::new(data.join("vault.key"))),
            webhook: None,
            second_factor: required.to_vec(),
            single_sign_on: None,
            ssh_door: crate::SshDoor::default(),
        };
        let app = App::start(config, Tasks::new(), Shutdown::new()).await.unwrap();
        let world = Self { app, ahead, dir };
        world.person("ada", Role::User).await;
        world
    }

    async fn person(&self, username: &str, role: Role) -> i64 {
        let new = NewUser { username: username.to_owned(), display_name: None, role, account: None };
        let id = self.app.store().add_user(new, Uuid::now_v7(), self.now()).await.unwrap();
        let hash = self.app.hasher().hash(password(PASSWORD)).await.unwrap();
        self.app.store().set_password(id, &hash, None).await.unwrap();
        self.app.people().reload(self.app.store()).await.unwrap();
        id
    }

    fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    fn later(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Logs in by password, where that is enough.
    async fn enter(&self, username: &str) -> Result<LoggedIn, Error> {
        self.app.log_in(username, password(PASSWORD), &from(1)).await
    }

    async fn ctx(&self, logged_in: &LoggedIn) -> Ctx {
        let cookie = Showing { cookie: Some(&logged_in.cookie.value), bearer: None };
        self.app.context(cookie, from(1)).await.unwrap()
    }

    /// Sets an app up for somebody who has none; its secret, and the recovery codes.
    async fn set_up(&self, username: &str) -> (String, Vec<String>) {
        let ctx = self.ctx(&self.enter(username).await.unwrap()).await;
        let offer = own::offer_totp(&ctx, Some(password(PASSWORD)), "gate.example").await.unwrap();
        let code = totp::code_at(&offer.secret, self.now());
        let codes = own::confirm_totp(&ctx, &code).await.unwrap().unwrap();
        self.later(60);
        (offer.secret.to_string(), codes)
    }

    async fn half(&self, username: &str) -> Needed {
        needed(self.enter(username).await)
    }

    async fn second(&self, needed: &Needed, code: &str) -> Result<LoggedIn, Error> {
        let answer = Answer::Code(code.to_owned());
        self.app.second_step(&needed.token, answer, &from(1)).await.map(|entered| entered.logged_in)
    }

    /// How many entries of this kind the log has.
    fn entries(&self, kind: &str) -> usize {
        let log = std::fs::read_dir(self.dir.path().join("data/log")).unwrap();
        let texts = log.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let kind = format!("\"{kind}\"");
        texts.map(|text| text.lines().filter(|line| line.contains(&kind)).count()).sum()
    }

    async fn alerts(&self) -> Vec<String> {
        let alerts = self.app.store().alerts_after(0, 100).await.unwrap();
        alerts.into_iter().map(|alert| alert.kind).collect()
    }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn from(host: u8) -> Origin {
    Origin { request_id: "r".into(), address: Some([192, 0, 2, host].into()), agent: None }
}

fn needed<T: std::fmt::Debug>(result: Result<T, Error>) -> Needed {
    match result {
        Err(Error::Login(LoginError::SecondFactor(needed))) => needed,
        other => panic!("{other:?}"),
    }
}

fn why<T: std::fmt::Debug>(result: Result<T, Error>) -> LoginError {
    match result {
        Err(Error::Login(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_no_login_goes_past_it() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let half = world.half("ada").await;
    assert_eq!(half.ways, [Way::Totp, Way::Recovery]);
    assert!(!format!("{half:?}").contains(&half.token), "the token is in no log");
    let code = totp::code_at(&secret, world.now());
    assert_eq!(why(world.second(&half, "000000").await), LoginError::BadCode);
    let logged_in = world.second(&half, &format!(" {} {}", &code[..3], &code[3..])).await.unwrap();
    assert_eq!(logged_in.user.username, "ada");
    assert!(matches!(world.ctx(&logged_in).await.caller(), Caller::Person(_)));

    // Who saw it typed has nothing of it, nor of the token.
    assert_eq!(why(world.second(&half, &code).await), LoginError::StepOver);
    let again = world.half("ada").await;
    assert_eq!(why(world.second(&again, &code).await), LoginError::BadCode);
    // Nor of the code of the step before, which was not used.
    let before = totp::code_at(&secret, world.now() - jiff::SignedDuration::from_secs(30));
    assert_eq!(why(world.second(&again, &before).await), LoginError::BadCode);
    world.later(30);
    let next = totp::code_at(&secret, world.now());
    world.second(&again, &next).await.unwrap();
    assert_eq!(world.entries("login_failed"), 4);
}

#[tokio::test]
async fn two_who_show_one_code_at_once_are_one_login() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let (one, other) = (world.half("ada").await, world.half("ada").await);
    let code = totp::code_at(&secret, world.now());
    let both = tokio::join!(world.second(&one, &code), world.second(&other, &code));
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|entered| **entered).count(), 1);
}

#[tokio::test]
async fn a_half_login_is_good_for_its_address_and_five_minutes() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let half = world.half("ada").await;
    let answer = || Answer::Code(totp::code_at(&secret, world.now()));
    let elsewhere = world.app.second_step(&half.token, answer(), &from(2)).await;
    assert_eq!(why(elsewhere), LoginError::StepOver);
    let at_the_door = world.app.enter_by_second_factor(&half.token, String::new(), from(1)).await;
    assert_eq!(why(at_the_door), LoginError::StepOver);
    world.later(300);
    let late = world.app.second_step(&half.token, answer(), &from(1)).await;
    assert_eq!(why(late), LoginError::StepOver);
    // Another password in between ends it too.
    let half = world.half("ada").await;
    let hash = world.app.hasher().hash(password("another one, for tests")).await.unwrap();
    let id = world.app.people().named("ada").unwrap().id;
    world.app.store().set_password(id, &hash, None).await.unwrap();
    let changed = world.app.second_step(&half.token, answer(), &from(1)).await;
    assert_eq!(why(changed), LoginError::StepOver);
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_its_use_is_told() {
    let world = World::start(&[]).await;
    let (_, codes) = world.set_up("ada").await;
    assert_eq!(codes.len(), recovery::HOW_MANY);
    let half = world.half("ada").await;
    world.second(&half, &codes[3].to_uppercase()).await.unwrap();
    assert_eq!(world.entries("recovery_code_used"), 1);
    assert_eq!(world.alerts().await, ["recovery_code_used"]);
    let half = world.half("ada").await;
    assert_eq!(why(world.second(&half, &codes[3]).await), LoginError::BadCode);
    assert_eq!(why(world.second(&half, "0000-0000-0000-0000").await), LoginError::BadCode);
    let logged_in = world.second(&half, &codes[4]).await.unwrap();

    // New ones end the old ones, and need the password.
    let ctx = world.ctx(&logged_in).await;
    assert_eq!(own::get(&ctx).await.unwrap().recovery_codes_left, 8);
    let refused = own::renew_codes(&ctx, Some(password("wrong"))).await;
    assert_eq!(why(refused), LoginError::BadCredentials);
    let renewed = own::renew_codes(&ctx, Some(password(PASSWORD))).await.unwrap();
    let half = world.half("ada").await;
    assert_eq!(why(world.second(&half, &codes[5]).await), LoginError::BadCode);
    world.second(&half, &renewed[0]).await.unwrap();
}

#[tokio::test]
async fn codes_cannot_be_guessed_by_who_knows_the_password() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let mut looked_at = 0;
    for turn in 0..4 {
        // A minute later the passwords are counted anew, from anywhere.
        let half = needed(world.app.log_in("ada", password(PASSWORD), &from(turn)).await);
        for _ in 0..6 {
            let answer = Answer::Code("000000".to_owned());
            looked_at += match why(world.app.second_step(&half.token, answer, &from(turn)).await) {
                LoginError::BadCode => 1,
                LoginError::StepOver | LoginError::TooManyAttempts { .. } => 0,
                other => panic!("{other}"),
            };
        }
    }
    assert_eq!(looked_at, 10);
    assert!(world.alerts().await.contains(&"second_factor_guessed".to_owned()));
    // Theirs is not looked at either, until it is over.
    let half = needed(world.app.log_in("ada", password(PASSWORD), &from(9)).await);
    let code = || Answer::Code(totp::code_at(&secret, world.now()));
    let held = world.app.second_step(&half.token, code(), &from(9)).await;
    assert!(matches!(why(held), LoginError::TooManyAttempts { .. }));
    world.later(30 * 60);
    let half = needed(world.app.log_in("ada", password(PASSWORD), &from(9)).await);
    world.app.second_step(&half.token, code(), &from(9)).await.unwrap();
}

/// Below what is noticed in half an hour, for days: with right codes of theirs in between.
#[tokio::test]
async fn who_guesses_slowly_locks_the_codes_and_an_administrator_is_told() {
    let world = World::start(&[]).await;
    let (secret, codes) = world.set_up("ada").await;
    let half = async |host| needed(world.app.log_in("ada", password(PASSWORD), &from(host)).await);
    let show = async |half: &Needed, host, code: String| {
        world.app.second_step(&half.token, Answer::Code(code), &from(host)).await
    };
    let right = || totp::code_at(&secret, world.now());
    let mut wrong = 0;
    let locked = 'days: loop {
        world.later(31 * 60);
        let host = 10 + wrong;
        let now = half(host).await;
        for _ in 0..4 {
            match why(show(&now, host, "000000".to_owned()).await) {
                LoginError::BadCode => wrong += 1,
                other => break 'days other,
            }
        }
        show(&now, host, right()).await.unwrap();
    };
    assert_eq!((wrong, locked), (25, LoginError::CodesLocked));
    assert_eq!(world.alerts().await, ["second_factor_locked"], "once, and nothing before");
    assert_eq!(world.entries("second_factor_locked"), 1);
    // It stays so, also the next day, and after another start.
    world.later(48 * 3600);
    let now = half(1).await;
    assert_eq!(why(show(&now, 1, right()).await), LoginError::CodesLocked);
    // Recovery codes go on letting in, and another app begins anew.
    show(&now, 1, codes[0].clone()).await.unwrap();
    let id = world.app.people().named("ada").unwrap().id;
    world.app.store().remove_totp(id, false).await.unwrap();
    world.app.factors().forget(id);
    let (secret, _) = world.set_up("ada").await;
    world.later(60);
    show(&half(2).await, 2, totp::code_at(&secret, world.now())).await.unwrap();
}

/// A few mistakes in a day are nothing.
#[test]
fn wrong_codes_of_another_day_do_not_count() {
    let factors = Factors::new(Vec::new());
    let at = |hours: i64| Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap();
    for day in 0..10 {
        assert!((0..24).all(|hour| !factors.wrong_in_a_day(1, at(day * 24 + hour))), "{day}");
    }
    assert!(!(0..24).any(|_| factors.wrong_in_a_day(2, at(0))));
    assert!(factors.wrong_in_a_day(2, at(1)));
}

#[tokio::test]
async fn whose_role_needs_a_factor_sets_one_up_before_they_are_in() {
    let world = World::start(&[Role::Operator]).await;
    world.enter("ada").await.unwrap();
    world.person("olga", Role::Operator).await;
    let half = world.half("olga").await;
    assert_eq!(half.ways, [Way::Enrol]);
    assert_eq!(why(world.second(&half, "123456").await), LoginError::BadCode);
    let offer = world.app.offer_enrolment(&half.token, "gate.example", &from(1)).unwrap();
    let same = world.app.offer_enrolment(&half.token, "gate.example", &from(1)).unwrap();
    assert_eq!(*offer.secret, *same.secret);
    let answer = Answer::Code(totp::code_at(&offer.secret, world.now()));
    let entered = world.app.second_step(&half.token, answer, &from(1)).await.unwrap();
    assert_eq!(entered.recovery_codes.unwrap().len(), recovery::HOW_MANY);
    let ctx = world.ctx(&entered.logged_in).await;
    let removed = own::remove_totp(&ctx, Some(password(PASSWORD))).await;
    assert!(matches!(removed, Err(Error::Conflict(_))), "{removed:?}");
    assert_eq!(world.half("olga").await.ways, [Way::Totp, Way::Recovery]);
    // A person with a factor does not get a second one by this way.
    let token = world.half("olga").await.token;
    assert!(world.app.offer_enrolment(&token, "gate.example", &from(1)).is_err());
}

#[tokio::test]
async fn a_login_link_is_the_first_step_only() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let id = world.app.people().named("ada").unwrap().id;
    let store = world.app.store();
    let link = crate::login::link::create(store, id, "admin", world.now()).await.unwrap();
    let half = needed(world.app.use_link(&link.token, None, &from(1)).await);
    let used = world.app.use_link(&link.token, None, &from(1)).await;
    assert_eq!(why(used), LoginError::LinkRefused);
    world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
}

#[tokio::test]
async fn the_ssh_door_asks_for_the_code_too() {
    let world = World::start(&[]).await;
    let enter = async || world.app.enter_by_password("ada", password(PASSWORD), from(1)).await;
    assert!(enter().await.is_ok());
    let (secret, codes) = world.set_up("ada").await;
    let half = needed(enter().await);
    assert_eq!(half.ways, [Way::Totp, Way::Recovery]);
    assert_eq!(why(world.second(&half, &codes[0]).await), LoginError::StepOver, "not at the page");
    let wrong = world.app.enter_by_second_factor(&half.token, "000000".to_owned(), from(1)).await;
    assert_eq!(why(wrong), LoginError::BadCode);
    let code = totp::code_at(&secret, world.now());
    let ctx = world.app.enter_by_second_factor(&half.token, code, from(1)).await.unwrap();
    assert_eq!(ctx.person().unwrap().user.username, "ada");
    assert!(ctx.again().await.unwrap().is_some());
    // Who takes the factors away ends what came by them.
    let id = ctx.person().unwrap().user.id;
    world.app.store().reset_factors(id).await.unwrap();
    assert!(ctx.again().await.unwrap().is_none());
}

#[tokio::test]
async fn who_is_reset_is_out_everywhere_and_logs_in_by_password() {
    let world = World::start(&[]).await;
    let admin = world.person("root", Role::Admin).await;
    assert!(admin > 0);
    let (secret, _) = world.set_up("ada").await;
    let half = world.half("ada").await;
    let logged_in = world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
    assert!(world.app.people().named("ada").unwrap().second_factor);
    let (theirs, mine) = (world.ctx(&logged_in).await, world.ctx(&world.enter("root").await.unwrap()).await);
    let id = logged_in.user.id;
    assert!(matches!(own::reset(&theirs, id).await, Err(Error::Forbidden(_))));
    own::reset(&mine, id).await.unwrap();
    assert!(theirs.again().await.unwrap().is_none());
    assert!(!world.app.people().named("ada").unwrap().second_factor);
    world.enter("ada").await.unwrap();
    assert!(matches!(own::reset(&mine, 4711).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_new_master_key_leaves_the_apps_as_they_are() {
    let world = World::start(&[]).await;
    let (secret, _) = world.set_up("ada").await;
    let (keys, store) = (world.app.keys().clone(), world.app.store());
    let rotated = crate::vault::rotate_noted(world.app.journal(), (store, &keys), None, (0, world.now()))
        .await
        .unwrap();
    assert_eq!(rotated.secrets, 1);
    let half = world.half("ada").await;
    world.second(&half, &totp::code_at(&secret, world.now())).await.unwrap();
}

#[tokio::test]
async fn a_thousand_wrong_logins_cost_little_and_shut_nobody_else_out() {
    let world = World::start(&[]).await;
    let mut compared = 0;
    for n in 0..1000_u32 {
        // One attacker, many names: half of them are somebody's.
        let username = if n % 2 == 0 { "ada".to_owned() } else { format!("nobody{n}") };
        let refused = world.app.log_in(&username, password(&format!("guess {n}")), &from(66)).await;
        match why(refused) {
            LoginError::BadCredentials => compared += 1,
            LoginError::TooManyAttempts { seconds } => assert!((1..=60).contains(&seconds), "{seconds}"),
            other => panic!("{other}"),
        }
    }
    // Each name that is let through costs the same one comparison, whether it is somebody's or not.
    assert_eq!(world.app.hasher().compared(), compared);
    assert!((2..=20).contains(&compared), "{compared}");
    let entries = world.entries("login_failed");
    assert!((1..=10).contains(&entries), "{entries}: told, and not a thousand times");
    world.app.log_in("ada", password(PASSWORD), &from(1)).await.unwrap();
    world.later(60);
    assert!(world.app.log_in("ada", password("x"), &from(2)).await.is_err());
    let told = world.dir.path().join("data/log");
    let told =
        std::fs::read_dir(told).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let left_out = told.collect::<String>().contains(&format!("\"left_out_before\":{}", 1000 - entries));
    assert!(left_out, "how many were left out is told with the next");
}

#[tokio::test]
async fn a_name_that_is_nobodys_takes_the_same_work() {
    let world = World::start(&[]).await;
    for (n, username) in ["ada", "nobody", "Not A Name", ""].into_iter().enumerate() {
        let refused = world.app.log_in(username, password("wrong"), &from(1)).await;
        assert_eq!(why(refused), LoginError::BadCredentials);
        assert_eq!(world.app.hasher().compared(), n + 1, "{username:?}");
    }
    let refused = world.app.enter_by_password("nobody", password("wrong"), from(1)).await;
    assert_eq!(
        refused.map(drop).map_err(|error| error.to_string()),
        Err(LoginError::BadCredentials.to_string())
    );
    assert_eq!(world.app.hasher().compared(), 5);
}
