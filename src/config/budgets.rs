//! `[rotation] archive_bytes` and `[[rotation.budget]]`: how much rotated generations may take.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::config::Config;
use crate::rotate::Budget;
use crate::sys::units::Bytes;

/// Of all generations in a folder and in those under it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationBudget {
    #[serde(deserialize_with = "folder")]
    pub path: PathBuf,
    #[serde(deserialize_with = "some_bytes")]
    pub bytes: Bytes,
}

/// A budget of nothing would remove everything, and is more likely a mistake.
fn some_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    match Bytes::deserialize(deserializer)? {
        Bytes(0) => Err(D::Error::custom(
            "a budget of 0 bytes would remove every generation; to keep none, write `rotate 0` in the policy, and \
             for no limit leave the setting out",
        )),
        bytes => Ok(bytes),
    }
}

pub(super) fn maybe_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    some_bytes(deserializer).map(Some)
}

fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    let text = path.to_string_lossy();
    if text.is_empty() {
        return Err(D::Error::custom(
            "the path of a budget is empty; write a folder, or `archive_bytes` in [rotation] for all of them",
        ));
    }
    if text.contains(['*', '?', '[']) {
        return Err(D::Error::custom(format!(
            "{text:?} is a pattern; write the folder that holds the generations, all folders under it count too"
        )));
    }
    Ok(path)
}

pub(super) fn all<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RotationBudget>, D::Error> {
    let budgets = Vec::<RotationBudget>::deserialize(deserializer)?;
    let mut seen = BTreeSet::new();
    let again = budgets.iter().find(|budget| !seen.insert(budget.path.components().collect::<PathBuf>()));
    match again {
        None => Ok(budgets),
        Some(RotationBudget { path, .. }) => Err(D::Error::custom(format!(
            "two budgets have the path {:?}; remove one of the [[rotation.budget]]",
            path.display()
        ))),
    }
}

impl Config {
    /// What rotated generations are to keep within.
    pub fn budgets(&self) -> Vec<Budget> {
        let all = self.rotation.archive_bytes.map(|bytes| Budget {
            name: "rotation.archive_bytes".to_owned(),
            folder: None,
            bytes: bytes.0,
        });
        let of_folder = |budget: &RotationBudget| Budget {
            name: "its rotation.budget".to_owned(),
            folder: Some(budget.path.clone()),
            bytes: budget.bytes.0,
        };
        all.into_iter().chain(self.rotation.budget.iter().map(of_folder)).collect()
    }

    /// What is no mistake and may be one.
    pub(super) fn doubtful_budgets(&self) -> Vec<String> {
        let missing = self.rotation.budget.iter().filter(|budget| !budget.path.is_dir());
        let text = |budget: &RotationBudget| {
            format!("rotation.budget: there is no folder {}; nothing counts until there is", budget.path.display())
        };
        missing.map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_or_their_mistakes_named() {
        let check = |text: &str, want: Result<&[(&str, u64)], &str>| match (toml::from_str::<Config>(text), want) {
            (Ok(config), Ok(want)) => {
                let shown = |budget: &Budget| {
                    (budget.folder.as_ref().map_or(String::new(), |f| f.display().to_string()), budget.bytes)
                };
                let got: Vec<_> = config.budgets().iter().map(shown).collect();
                assert_eq!(got, want.iter().map(|(f, b)| ((*f).to_owned(), *b)).collect::<Vec<_>>(), "{text}");
            }
            (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{text}: {error}"),
            (got, want) => panic!("{text}: {got:?}, not {want:?}"),
        };
        check("", Ok(&[]));
        check("[rotation]\narchive_bytes = '20GiB'", Ok(&[("", 20 << 30)]));
        let two = "[[rotation.budget]]\npath = '/a'\nbytes = '1k'\n[[rotation.budget]]\npath = 'b/'\nbytes = '2k'\n";
        check(&format!("[rotation]\narchive_bytes = '1M'\n{two}"), Ok(&[("", 1 << 20), ("/a", 1024), ("b/", 2048)]));
        check("[rotation]\narchive_bytes = '0'", Err("line 2"));
        check("[rotation]\narchive_bytes = 'much'", Err("is not a size"));
        check("[[rotation.budget]]\npath = '/a'", Err("missing field `bytes`"));
        check("[[rotation.budget]]\npath = '/a'\nbytes = '0k'", Err("line 3"));
        check("[[rotation.budget]]\npath = ''\nbytes = '1k'", Err("is empty; write a folder"));
        check("[[rotation.budget]]\npath = '/a/*.log'\nbytes = '1k'", Err("is a pattern; write the folder"));
        check("[[rotation.budget]]\npath = '/a'\nbytes = '1k'\nlog = 'x'", Err("unknown field `log`"));
        check(&two.replace("b/", "/a/"), Err("two budgets have the path \"/a/\""));
        check(&two.replace("b/", "/a/"), Err("at line 1"));
    }
}
