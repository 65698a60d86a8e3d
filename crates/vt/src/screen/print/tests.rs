//! The fast ways to print do what the slow one does.

use proptest::prelude::*;

use crate::config::{Config, Size};
use crate::effects::Effects;
use crate::parser::csi::Csi;
use crate::parser::{Actions, Parser};
use crate::screen::{Feeding, Screen};
use crate::state::State;

#[path = "../../../tests/it/grammar.rs"]
mod grammar;

/// Prints every character the slow way.
struct Slow<'a>(Feeding<'a>);

impl Actions for Slow<'_> {
    fn text(&mut self, ascii: &[u8]) {
        ascii.iter().for_each(|byte| self.0.screen.print_slowly(char::from(*byte)));
    }

    fn print(&mut self, c: char) {
        self.0.screen.print_slowly(c);
    }

    fn control(&mut self, byte: u8) {
        self.0.control(byte);
    }

    fn escape(&mut self, intermediates: &[u8], byte: u8) {
        self.0.escape(intermediates, byte);
    }

    fn csi(&mut self, csi: &Csi) {
        self.0.csi(csi);
    }

    fn osc(&mut self, payload: &[u8], bell: bool) {
        self.0.osc(payload, bell);
    }

    fn dcs(&mut self, payload: &[u8]) {
        self.0.dcs(payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn fast_is_slow(cols in 1u16..24, rows in 1u16..9, output in grammar::stream(60)) {
        let new = || Screen::new(Size { cols, rows }, Config::default());
        let (mut fast, mut slow) = (new(), new());
        let (mut effects, mut slow_effects) = (Effects::default(), Effects::default());
        Parser::default()
            .feed(&output, &mut Feeding { screen: &mut fast, effects: &mut effects });
        Parser::default().feed(
            &output,
            &mut Slow(Feeding { screen: &mut slow, effects: &mut slow_effects }),
        );
        prop_assert_eq!(State::of(&fast, &[]), State::of(&slow, &[]));
        prop_assert_eq!(effects, slow_effects);
    }
}
