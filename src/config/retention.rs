//! `[retention]` with its rules and holds, compiled.

use crate::config::Config;
use crate::query::{Query, parse_time};
use crate::store::{Hold, Retention, Rule};

/// What the store is to keep within; `now` is what relative times are relative to. The error names the setting.
pub fn retention(config: &Config, now: i64) -> Result<Retention, String> {
    let settings = &config.retention;
    let mut retention = Retention {
        max_age: settings.max_age,
        max_bytes: settings.max_bytes,
        min_free: settings.min_free,
        ..Retention::default()
    };
    for (index, rule) in settings.rule.iter().enumerate() {
        let wrong = |message: String| format!("retention.rule {}, {:?}: {message}", index + 1, rule.query);
        let query = Query::parse(&rule.query).map_err(|error| wrong(error.to_string()))?;
        if !query.pipes().is_empty() {
            return Err(wrong("has pipes; a rule only says which entries go".to_owned()));
        }
        retention.rules.push(Rule { query, max_age: rule.max_age });
    }
    for (index, hold) in settings.hold.iter().enumerate() {
        let time = |name: &str, text: &str| {
            parse_time(text, now).map_err(|error| format!("retention.hold {}, {name}: {error}", index + 1))
        };
        let (since, until) = (time("since", &hold.since)?, time("until", &hold.until)?);
        if since >= until {
            return Err(format!("retention.hold {}: since is not before until", index + 1));
        }
        retention.holds.push(Hold { since, until, reason: hold.reason.clone() });
    }
    Ok(retention)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::SECOND;

    #[test]
    fn rules_and_holds_are_compiled_or_their_mistakes_named() {
        let check = |text: &str, want: Result<(usize, usize), &str>| {
            let config: Config = toml::from_str(text).unwrap();
            match (retention(&config, 1_800_000_000 * SECOND), want) {
                (Ok(got), Ok(want)) => assert_eq!((got.rules.len(), got.holds.len()), want, "{text}"),
                (Err(error), Err(want)) => assert!(error.contains(want), "{text}: {error}"),
                (got, want) => panic!("{text}: {got:?}, not {want:?}"),
            }
        };
        check("", Ok((0, 0)));
        check("[[retention.rule]]\nquery = 'level:debug'\nmax_age = '7d'", Ok((1, 0)));
        check("[[retention.rule]]\nquery = 'level:'\nmax_age = '7d'", Err("retention.rule 1"));
        check("[[retention.rule]]\nquery = '* | count'\nmax_age = '7d'", Err("has pipes"));
        check("[[retention.hold]]\nsince = '2026-11-01'\nuntil = '2026-11-03'", Ok((0, 1)));
        check("[[retention.hold]]\nsince = '2026-11-03'\nuntil = '2026-11-01'", Err("not before"));
        check("[[retention.hold]]\nsince = 'x'\nuntil = '2026-11-01'", Err("retention.hold 1, since"));
    }
}
