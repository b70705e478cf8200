//! Cases that come out differently from stock: `known.txt` has their names below the reason. What such a case leaves
//! must still hold every line that the stock program leaves in its logs, unless the reason says that the policy removes
//! more here; other cases may not differ at all.

use super::case::Case;
use super::compare::Round;

const LIST: &str = include_str!("known.txt");

/// Why a case of a theme may differ, if it may.
pub fn reason(theme: &str, case: &Case) -> Option<&'static str> {
    let wanted = format!("{theme}: {}", case.name.escape_debug());
    let mut reason = None;
    for line in LIST.lines() {
        match line.strip_prefix("# ") {
            Some(text) => reason = Some(text),
            None if line == wanted.trim_end() => return reason,
            None => {}
        }
    }
    None
}

/// Whether fewer generations may be left for this reason.
pub fn removes_more(reason: &str) -> bool {
    reason.contains("removes more")
}

/// Lines that are in the logs and generations of stock's tree and nowhere in ours.
pub fn lost(stock: &[Round], ours: &[Round]) -> Vec<String> {
    let contents = |rounds: &[Round]| -> String {
        let files = rounds.last().into_iter().flat_map(|round| &round.files);
        let logs = files.filter(|(name, _)| name.contains(".log"));
        let fields = logs.flat_map(|(_, fields)| fields).filter(|(field, _)| *field == "content");
        fields.map(|(_, text)| format!("{text}\n")).collect()
    };
    let ours = contents(ours);
    let stock = contents(stock);
    stock.lines().filter(|line| !ours.contains(line)).map(|line| format!("known to differ, but lost: {line}")).collect()
}
