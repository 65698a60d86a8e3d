//! What a verdict on a typed line costs: with 1,000 rules and with one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bastide_policy::{Bundle, Door, Judge, RuleSet, Subject};
use serde_json::json;

use super::Bench;
use crate::report::Row;

/// Rules of the large set: what the target is for.
const RULES: usize = 1000;
/// Verdicts in each set and round.
const VERDICTS: usize = 4000;
/// p99 that a person at a keyboard never notices.
const TARGET: Duration = Duration::from_micros(100);

/// What people type: short, long, wrapped, nested.
const LINES: [&str; 8] = [
    "ls -l /var/log",
    "git commit -m 'a message with several words' --no-verify",
    "sudo -u postgres psql -c 'select count(*) from events where at > now()'",
    "for f in *.log; do gzip -9 \"$f\"; done",
    "find . -name '*.tmp' -mtime +7 -exec rm -f {} \\;",
    "sudo -u x sh -c 'cat a | sort | uniq -c' && echo $(date +%s)",
    "tar czf - src | ssh backup 'cat > /srv/backup/src.tgz'",
    "kubectl get pods -n prod -o wide | grep -v Running | awk '{print $1}'",
];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (many, one) = (judge(RULES)?, judge(1)?);
    let (mut with_many, mut with_one) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds.max(1) {
        with_many.extend(times(&many));
        with_one.extend(times(&one));
    }
    let (many, one) = (at(&mut with_many, 99), at(&mut with_one, 99));
    let (many_middle, one_middle) = (at(&mut with_many, 50), at(&mut with_one, 50));
    let text = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6);
    Ok(vec![
        Row::new(
            "the verdict on a typed line with 1,000 rules",
            format!("p99 {} µs, median {} µs", text(many), text(many_middle)),
        )
        .target("p99 ≤ 100 µs", many <= TARGET)
        .peers(format!("with one rule: p99 {} µs, median {} µs", text(one), text(one_middle))),
    ])
}

/// Two of three rules name programs, a quarter patterns, the rest look at arguments; some at the whole line.
fn judge(rules: usize) -> Result<Judge> {
    let rule = |index: usize| {
        let matches = match index % 12 {
            0 => json!({"programs": [format!("tool{index}*")]}),
            1 => json!({"programs": [{"regex": format!("^x?tool{index}$")}]}),
            2 => json!({"arguments": [format!("/secret/{index}/*")]}),
            3 => json!({"line": [format!("word{index}\\s+[0-9]+")]}),
            4..=8 => json!({"programs": [format!("tool{index}"), format!("other{index}")]}),
            _ => json!({"programs": ["rm", "psql"], "arguments": [{"regex": format!("^/srv/{index}/")}]}),
        };
        json!({
            "id": format!("rule-{index}"), "priority": index % 100 + 1, "action": "deny",
            "scope": {"doors": ["line"]}, "match": matches,
        })
    };
    let set = json!({"version": 1, "rules": (0..rules).map(rule).collect::<Vec<_>>()});
    let set = RuleSet::parse(set.to_string().as_bytes()).context("rules of the bench")?;
    Ok(Bundle::new(&set).context("rules of the bench")?.judge(&Subject::at(Door::Line)))
}

fn times(judge: &Judge) -> impl Iterator<Item = Duration> {
    (0..VERDICTS).map(|index| {
        let began = Instant::now();
        let verdict = judge.line(LINES[index % LINES.len()]);
        let took = began.elapsed();
        std::hint::black_box(verdict);
        took
    })
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}
