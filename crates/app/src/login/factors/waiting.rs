//! Who has taken the first step of logging in, and waits to take the second. In memory: a restart of the server
//! sends them back to the first.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bastide_store::Role;
use jiff::{SignedDuration, Timestamp};

use super::passkeys::Challenges;
use super::totp::Shared;
use crate::error::LoginError;
use crate::secret;

/// Time to find the telephone, and no more.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// A person mistypes once or twice.
const MAX_TRIES: u32 = 5;
/// One person who begins again in several windows; the oldest is forgotten.
const MAX_OF_ONE: usize = 8;
/// Each takes less than a kilobyte. Only who knows a password gets one.
const MAX_HALVES: usize = 4096;
/// Three of a million codes are good at a moment, so that who knows the password would guess for years: 10 in half
/// an hour are one chance in 700 a day.
const MAX_WRONG: u32 = 10;
const WRONG_FOR: SignedDuration = SignedDuration::from_mins(30);

/// Who guesses more slowly than that gets 25 tries in a day, one chance in 13,000, and then none: nobody mistypes so often
/// who reads the code off their telephone.
pub(super) const MAX_WRONG_A_DAY: u32 = 25;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// Where the first step was taken; the second must be there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    Page,
    Ssh,
}

/// The first step, taken.
#[derive(Debug, Clone)]
pub(crate) struct Half {
    pub(super) user: i64,
    pub(super) entrance: Entrance,
    pub(super) address: Option<IpAddr>,
    /// In the log.
    pub(super) how: String,
    /// The hash that the password was compared with.
    pub(super) password: Option<String>,
    /// The hash of the password that they chose with a login link: theirs after the second step.
    pub(super) chosen: Option<String>,
    /// They have no factor and must set one up now: what was offered to their app.
    pub(super) enrolment: Option<Shared>,
    pub(super) enrols: bool,
    expires: Timestamp,
    tries: u32,
}

impl Half {
    pub(super) fn new(user: i64, entrance: Entrance, address: Option<IpAddr>) -> Self {
        Self {
            user,
            entrance,
            address,
            how: String::new(),
            password: None,
            chosen: None,
            enrolment: None,
            enrols: false,
            expires: Timestamp::MAX,
            tries: 0,
        }
    }
}

/// What second factors need beside the database.
#[derive(Debug)]
pub(crate) struct Factors {
    /// Whose role needs one.
    required: Vec<Role>,
    state: Mutex<State>,
    pub(super) challenges: Challenges,
}

#[derive(Debug, Default)]
struct State {
    /// By the digest of the token.
    halves: HashMap<String, Half>,
    /// Wrong codes of a person's app, and since when they are counted. Only of people whose password was right. Recovery
    /// codes are too long to be guessed, and passkeys cannot be: who holds those gets in whoever else guesses.
    wrong: HashMap<i64, (u32, Timestamp)>,
    /// The same over a day, whatever right ones came in between.
    wrong_in_a_day: HashMap<i64, (u32, Timestamp)>,
    /// What a person's app was offered and has not answered yet.
    offers: HashMap<i64, (Shared, Timestamp)>,
}

impl Factors {
    pub(crate) fn new(required: Vec<Role>) -> Self {
        Self { required, state: Mutex::default(), challenges: Challenges::default() }
    }

    pub(crate) fn required_of(&self, role: Role) -> bool {
        self.required.contains(&role)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token that the second step is taken with, and until when.
    pub(super) fn wait(&self, half: Half, now: Timestamp) -> (String, Timestamp) {
        let token = secret::generate();
        let expires = now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let mut state = self.state();
        state.halves.retain(|_, half| half.expires > now);
        let user = half.user;
        forget_oldest(&mut state.halves, MAX_OF_ONE, |half| half.user == user);
        forget_oldest(&mut state.halves, MAX_HALVES, |_| true);
        state.halves.insert(secret::digest(&token), Half { expires, tries: 0, ..half });
        (token, expires)
    }

    /// One try with a token: what was waiting, unless it is over or from elsewhere.
    pub(super) fn attempt(
        &self,
        token: &str,
        from: (Entrance, Option<IpAddr>),
        now: Timestamp,
    ) -> Result<Half, LoginError> {
        let mut state = self.state();
        let name = secret::digest(token);
        let half = state.halves.get_mut(&name).ok_or(LoginError::StepOver)?;
        if half.expires <= now || half.tries >= MAX_TRIES {
            state.halves.remove(&name);
            return Err(LoginError::StepOver);
        }
        if (half.entrance, half.address) != from {
            return Err(LoginError::StepOver);
        }
        half.tries += 1;
        Ok(half.clone())
    }

    /// Remembers what their app is offered; the same again when they ask again.
    pub(super) fn offer_half(&self, token: &str) -> Option<Shared> {
        let mut state = self.state();
        let half = state.halves.get_mut(&secret::digest(token)).filter(|half| half.enrols)?;
        // Asking for it is no try.
        half.tries = half.tries.saturating_sub(1);
        Some(half.enrolment.get_or_insert_with(Shared::generate).clone())
    }

    /// A try that was none.
    pub(super) fn give_back(&self, token: &str) {
        if let Some(half) = self.state().halves.get_mut(&secret::digest(token)) {
            half.tries = half.tries.saturating_sub(1);
        }
    }

    /// The second step is taken. False when somebody was quicker.
    pub(super) fn finish(&self, token: &str) -> bool {
        self.state().halves.remove(&secret::digest(token)).is_some()
    }

    /// Counts a code of somebody's app as wrong, until [`Self::was_right`].
    pub(super) fn count_wrong(&self, user: i64, now: Timestamp) -> Result<(), LoginError> {
        let mut state = self.state();
        let (count, since) = state.wrong.entry(user).or_insert((0, now));
        let age = now.duration_since(*since);
        // A clock that was set back begins anew too.
        if age >= WRONG_FOR || age.is_negative() {
            (*count, *since) = (0, now);
        }
        if *count >= MAX_WRONG {
            let left = (WRONG_FOR - now.duration_since(*since)).as_secs();
            return Err(LoginError::TooManyAttempts { seconds: u64::try_from(left).unwrap_or_default() + 1 });
        }
        *count += 1;
        Ok(())
    }

    /// Whether the next wrong one is the last that is looked at.
    pub(super) fn is_guessed(&self, user: i64) -> bool {
        self.state().wrong.get(&user).is_some_and(|(count, _)| *count == MAX_WRONG)
    }

    pub(super) fn was_right(&self, user: i64) {
        let mut state = self.state();
        if let Some((count, _)) = state.wrong.get_mut(&user) {
            *count = count.saturating_sub(1);
        }
    }

    /// Counts a code that was wrong; true when it was one too many for a day.
    pub(super) fn wrong_in_a_day(&self, user: i64, now: Timestamp) -> bool {
        let mut state = self.state();
        let (count, since) = state.wrong_in_a_day.entry(user).or_insert((0, now));
        let age = now.duration_since(*since);
        if age >= A_DAY || age.is_negative() {
            (*count, *since) = (0, now);
        }
        *count += 1;
        *count >= MAX_WRONG_A_DAY
    }

    /// A new secret for the app of somebody who is logged in.
    pub(super) fn offer(&self, user: i64, now: Timestamp) -> Shared {
        let mut state = self.state();
        state.offers.retain(|_, (_, expires)| *expires > now);
        let shared = Shared::generate();
        state.offers.insert(user, (shared.clone(), now.checked_add(PATIENCE * 2).unwrap_or(Timestamp::MAX)));
        shared
    }

    pub(super) fn offered(&self, user: i64, now: Timestamp) -> Option<Shared> {
        let state = self.state();
        state.offers.get(&user).filter(|(_, expires)| *expires > now).map(|(shared, _)| shared.clone())
    }

    /// Another app has another secret: what was guessed of the one before is worth nothing.
    pub(super) fn forget_wrong(&self, user: i64) {
        let mut state = self.state();
        state.wrong.remove(&user);
        state.wrong_in_a_day.remove(&user);
    }

    /// Their factors were taken away, or their password is another: whoever is half-way begins again, and nothing is
    /// counted.
    pub(in crate::login) fn forget(&self, user: i64) {
        let mut state = self.state();
        state.halves.retain(|_, half| half.user != user);
        state.wrong.remove(&user);
        state.wrong_in_a_day.remove(&user);
        state.offers.remove(&user);
    }

    pub(super) fn forget_offer(&self, user: i64) {
        self.state().offers.remove(&user);
    }
}

/// Makes room for one more among `most`.
fn forget_oldest(halves: &mut HashMap<String, Half>, most: usize, of: impl Fn(&Half) -> bool) {
    while halves.values().filter(|half| of(half)).count() >= most {
        let oldest = halves.iter().filter(|(_, half)| of(half)).min_by_key(|(_, half)| half.expires);
        let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
        halves.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn here() -> (Entrance, Option<IpAddr>) {
        (Entrance::Page, Some("192.0.2.1".parse().unwrap()))
    }

    fn half(user: i64) -> Half {
        Half::new(user, here().0, here().1)
    }

    #[test]
    fn a_token_is_good_in_its_time_at_its_place_a_few_times_and_once() {
        let factors = Factors::new(Vec::new());
        let (token, _) = factors.wait(half(1), at(0));
        assert!(factors.attempt("other", here(), at(0)).is_err());
        assert!(factors.attempt(&token, (Entrance::Ssh, here().1), at(0)).is_err());
        assert!(factors.attempt(&token, (Entrance::Page, None), at(0)).is_err());
        for _ in 0..MAX_TRIES {
            assert_eq!(factors.attempt(&token, here(), at(1)).unwrap().user, 1);
        }
        assert_eq!(factors.attempt(&token, here(), at(1)).unwrap_err(), LoginError::StepOver);
        assert!(!factors.finish(&token));

        let (token, expires) = factors.wait(half(1), at(0));
        assert_eq!(expires, at(300));
        assert!(factors.attempt(&token, here(), at(300)).is_err());
        let (token, _) = factors.wait(half(1), at(0));
        assert!(factors.attempt(&token, here(), at(299)).is_ok());
        assert!(factors.finish(&token));
        assert!(!factors.finish(&token));
        assert!(factors.attempt(&token, here(), at(299)).is_err());
    }

    #[test]
    fn what_waits_is_bounded_by_person_and_in_all() {
        let factors = Factors::new(Vec::new());
        let tokens: Vec<_> = (0..20).map(|second| factors.wait(half(1), at(second)).0).collect();
        let good = tokens.iter().filter(|token| factors.attempt(token, here(), at(20)).is_ok()).count();
        assert_eq!(good, MAX_OF_ONE);
        assert!(factors.attempt(&tokens[19], here(), at(20)).is_ok(), "the newest stays");
        for user in 0..MAX_HALVES as i64 + 100 {
            factors.wait(half(user + 2), at(21));
        }
        assert_eq!(factors.state().halves.len(), MAX_HALVES);
    }

    #[test]
    fn who_guesses_codes_is_stopped_for_a_while() {
        let factors = Factors::new(Vec::new());
        for _ in 0..MAX_WRONG {
            factors.count_wrong(1, at(0)).unwrap();
        }
        assert!(factors.is_guessed(1));
        assert_eq!(factors.count_wrong(1, at(60)), Err(LoginError::TooManyAttempts { seconds: 1741 }));
        factors.count_wrong(2, at(60)).unwrap();
        factors.was_right(2);
        assert!(!factors.is_guessed(2));
        factors.count_wrong(1, at(1800)).unwrap();
    }

    #[test]
    fn who_is_forgotten_begins_again_with_nothing_counted() {
        let factors = Factors::new(Vec::new());
        let (mine, _) = factors.wait(half(1), at(0));
        let (theirs, _) = factors.wait(half(2), at(0));
        factors.offer(1, at(0));
        for user in [1, 2] {
            (0..MAX_WRONG).for_each(|_| factors.count_wrong(user, at(0)).unwrap());
        }
        factors.forget(1);
        assert!(factors.attempt(&mine, here(), at(1)).is_err());
        assert!(factors.attempt(&theirs, here(), at(1)).is_ok());
        assert!(factors.offered(1, at(1)).is_none());
        factors.count_wrong(1, at(1)).unwrap();
        assert!(factors.count_wrong(2, at(1)).is_err());
        factors.forget_wrong(2);
        factors.count_wrong(2, at(1)).unwrap();
    }

    #[test]
    fn an_offer_is_of_the_last_asking_and_not_for_ever() {
        let factors = Factors::new(Vec::new());
        let first = factors.offer(1, at(0));
        let second = factors.offer(1, at(1));
        assert_ne!(first.to_text(), second.to_text());
        assert_eq!(factors.offered(1, at(2)).unwrap().to_text(), second.to_text());
        assert!(factors.offered(1, at(601)).is_none());
        assert!(factors.offered(2, at(2)).is_none());
    }
}
