//! Whose rules hold for what is received, by the way it came.

use std::collections::BTreeMap;

use crate::pipeline::{Fate, Pipeline};
use crate::receive::{Received, Taken};

/// Another logmill's entries, whichever way they came.
pub const LOGMILL: &str = "logmill";
/// The ways on which entries come; each can have rules of its own.
pub const WAYS: [&str; 6] = ["otlp", "loki", "bulk", "lines", "syslog", LOGMILL];

/// A pipeline for each way that has one.
#[derive(Clone, Debug, Default)]
pub struct Rules(BTreeMap<&'static str, Pipeline>);

impl Rules {
    /// `way` is one of [`WAYS`].
    pub fn set(&mut self, way: &'static str, pipeline: Pipeline) {
        self.0.insert(way, pipeline);
    }

    /// Whether a pipeline of this name has a part in it.
    pub fn has(&self, name: &str) -> bool {
        self.0.values().any(|pipeline| pipeline.name() == name)
    }

    /// The pipeline of a protocol (`syslog_tcp` is of the way `syslog`).
    pub fn of(&self, protocol: &str) -> Option<&Pipeline> {
        self.0.get(protocol.split('_').next()?)
    }

    /// Redacts, and applies the other rules. Another logmill has applied its own: of the rules of the way its entries are
    /// redacted only, and those for its own way are asked for by name. What is kept, and the fate of each entry there was;
    /// no fates where no rules hold.
    pub fn screen(&self, protocol: &str, received: Vec<Received>, now: i64) -> (Vec<Received>, Vec<Fate>) {
        let (of_way, of_logmill) = (self.of(protocol), self.of(LOGMILL));
        if of_way.is_none() && of_logmill.is_none() {
            return (received, Vec::new());
        }
        let (mut kept, mut fates) = (Vec::new(), Vec::with_capacity(received.len()));
        for mut one in received {
            let fate = match (of_way, of_logmill) {
                (_, Some(pipeline)) if one.is_processed => applied(pipeline, &mut one, now),
                (Some(pipeline), _) if !one.is_processed => applied(pipeline, &mut one, now),
                (Some(pipeline), _) => {
                    pipeline.redact_entry(&mut one.entry);
                    Fate::Kept
                }
                (None, _) => Fate::Kept,
            };
            fates.push(fate);
            if fate == Fate::Kept {
                kept.push(one);
            }
        }
        (kept, fates)
    }
}

fn applied(pipeline: &Pipeline, one: &mut Received, now: i64) -> Fate {
    pipeline.redact_entry(&mut one.entry);
    pipeline.apply(&mut one.entry, now)
}

/// What became of each entry of a batch, also of those that rules left out: their sender is done with them.
pub fn of_all(fates: &[Fate], taken: Taken) -> Taken {
    if fates.is_empty() {
        return taken;
    }
    let mut known = taken.known.into_iter();
    let of_one = |fate: &Fate| *fate == Fate::Kept && known.next().unwrap_or(false);
    Taken { known: fates.iter().map(of_one).collect() }
}

/// How many were left out, by the word for it.
pub fn left_out(fates: &[Fate]) -> [(&'static str, u64); 3] {
    let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count() as u64;
    [("filtered", count(Fate::Filtered)), ("sampled", count(Fate::Sampled)), ("limited", count(Fate::Limited))]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::record::{Entry, Text};

    fn rules(ways: &[&'static str]) -> Rules {
        let text = "name = \"p\"\n[source]\ninclude = []\n[redact]\nrecipes = [\"keys\"]\n[filter]\ndrop = \"gone\"\n";
        let mut rules = Rules::default();
        ways.iter().for_each(|way| rules.set(way, Pipeline::parse(text, Path::new("p.toml")).unwrap()));
        rules
    }

    #[test]
    fn rules_hold_for_the_ways_that_have_them() {
        let check = |ways: &[&'static str], protocol: &str, is_processed: bool, want: &[&str]| {
            let one = |text: &str| {
                let message = Text::Slice(0..text.len() as u32);
                Received { entry: Entry { raw: text.into(), message, ..Entry::default() }, origin: None, is_processed }
            };
            let (kept, fates) = rules(ways).screen(protocol, vec![one("gone"), one("password=hunter2")], 0);
            let messages: Vec<_> = kept.iter().map(|one| one.entry.message()).collect();
            assert_eq!(messages, want, "{ways:?} {protocol} {is_processed}");
            let taken = of_all(&fates, Taken { known: vec![true; kept.len()] });
            assert_eq!(taken.known, if kept.len() == 2 { vec![true, true] } else { vec![false, true] });
            assert_eq!(left_out(&fates)[0], ("filtered", 2 - kept.len() as u64));
        };
        const CLEAN: &str = "password=[redacted:keys]";
        check(&[], "lines", false, &["gone", "password=hunter2"]);
        check(&["otlp"], "lines", false, &["gone", "password=hunter2"]);
        check(&["lines"], "lines", false, &[CLEAN]);
        check(&["syslog"], "syslog_udp", false, &[CLEAN]);
        // Another logmill has filtered already.
        check(&["lines"], "lines", true, &["gone", CLEAN]);
        check(&["logmill"], "lines", true, &[CLEAN]);
        check(&["logmill"], "lines", false, &["gone", "password=hunter2"]);
        check(&["lines", "logmill"], "lines", true, &[CLEAN]);
    }
}
