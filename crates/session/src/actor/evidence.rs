//! What is decided has to be written: while the log takes nothing, no program starts.

use super::Session;
use crate::guard::{Door, words};

/// The state's name, in the list of sessions.
const LOG_FAILS: &str = "the log cannot be written";

impl Session {
    /// Tells the supervisor, the people and, when it can be, the log.
    pub(super) async fn log_changed(&mut self) {
        let takes = self.happenings.takes();
        let Some(guard) = &mut self.guard else { return };
        let Door::Gate(link) = &mut guard.door else { return };
        if guard.told.log_fails != takes {
            return;
        }
        guard.told.log_fails = !takes;
        let told = link.set_log(takes);
        guard.log_fails((!takes).then_some(LOG_FAILS));
        let (text, level) =
            if takes { (words::recorded_again(), "info") } else { (words::unrecorded(), "error") };
        self.mark(&text.en);
        self.tell_state(&text, level);
        if let Err(error) = told {
            self.alert("guard_failed", format!("its supervisor was not told of the log: {error}")).await;
        }
        if !takes {
            self.alert("log_failed", LOG_FAILS.to_owned()).await;
        }
    }
}
