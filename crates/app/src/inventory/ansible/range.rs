//! `web[01:10].example.com`: many names in one.

/// What a list takes; a range over more is a mistake.
const MAX_NAMES: usize = crate::inventory::MAX_ENTRIES;

/// Each name of a pattern.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, &'static str> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('[') {
        let (before, after) = rest.split_at(open);
        let (inside, after) = after[1..].split_once(']').ok_or("a range without its end")?;
        let range = values(inside)?;
        if names.len().saturating_mul(range.len()) > MAX_NAMES {
            return Err("a range over too many names");
        }
        names = names
            .iter()
            .flat_map(|name| range.iter().map(move |value| format!("{name}{before}{value}")))
            .collect();
        rest = after;
    }
    names.iter_mut().for_each(|name| name.push_str(rest));
    match names.iter().any(String::is_empty) {
        true => Err("a name without letters"),
        false => Ok(names),
    }
}

/// `01:10`, `a:f`, with a step `1:10:2`.
fn values(inside: &str) -> Result<Vec<String>, &'static str> {
    const WRONG: &str = "a range is as in [1:10], [01:10] or [a:f]";
    let parts: Vec<_> = inside.split(':').collect();
    let (from, to, step) = match parts[..] {
        [from, to] => (from, to, 1),
        [from, to, step] => (from, to, step.parse::<usize>().map_err(|_| WRONG)?),
        _ => return Err(WRONG),
    };
    let step = Some(step).filter(|step| *step > 0).ok_or(WRONG)?;
    if let (Ok(first), Ok(last)) = (from.parse::<u32>(), to.parse::<u32>()) {
        // With its zeros, where it has any.
        let width = if from.starts_with('0') { from.len() } else { 0 };
        if width > 10 {
            return Err(WRONG);
        }
        let numbers = (first..=last).step_by(step).take(MAX_NAMES + 1);
        return some(numbers.map(|number| format!("{number:0width$}")).collect());
    }
    let letter = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|c| c.is_ascii_alphabetic() && chars.next().is_none())
    };
    match (letter(from), letter(to)) {
        (Some(first), Some(last)) if first.is_ascii_lowercase() == last.is_ascii_lowercase() => {
            some((first..=last).step_by(step).map(String::from).collect())
        }
        _ => Err(WRONG),
    }
}

fn some(values: Vec<String>) -> Result<Vec<String>, &'static str> {
    match values.len() {
        0 => Err("a range that ends before it begins"),
        len if len > MAX_NAMES => Err("a range over too many names"),
        _ => Ok(values),
    }
}
