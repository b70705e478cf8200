//! Records as lines of a file, or on standard output.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::ship::kinds::http::write;
use crate::ship::mapping::Mapping;
use crate::ship::{Answer, Item};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub path: PathBuf,
}

fn lines(mapping: &Mapping, items: &[Item]) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in items {
        write(&mut lines, &Value::Object(mapping.record(item)));
        lines.push(b'\n');
    }
    lines
}

/// The file is opened anew for each batch, so that it may be rotated, and synced before the batch counts.
pub fn append(settings: &Settings, mapping: &Mapping, items: &[Item]) -> Answer {
    let append = || {
        let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(&settings.path)?;
        let length = file.metadata()?.len();
        let written = file.write_all(&lines(mapping, items)).and_then(|()| file.sync_data());
        if written.is_err() {
            // What was written of the batch on a full disk would be there twice.
            let _ = file.set_len(length);
        }
        written
    };
    done(append(), &settings.path.display().to_string())
}

pub fn print(mapping: &Mapping, items: &[Item]) -> Answer {
    let mut out = io::stdout().lock();
    done(out.write_all(&lines(mapping, items)).and_then(|()| out.flush()), "standard output")
}

fn done(result: io::Result<()>, place: &str) -> Answer {
    match result {
        Ok(()) => Answer::Accepted,
        Err(error) => Answer::Again { why: format!("{place}: {error}"), after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ship::mapping::tests::item;

    #[test]
    fn lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ndjson");
        let mapping = Mapping { only: vec!["level".into()], ..Mapping::default() };
        for _ in 0..2 {
            assert_eq!(append(&Settings { path: path.clone() }, &mapping, &[item()]), Answer::Accepted);
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), "{\"level\":\"error\"}\n".repeat(2));
        let nowhere = folder.path().join("no/such/folder");
        assert!(matches!(append(&Settings { path: nowhere }, &mapping, &[item()]), Answer::Again { .. }));
    }
}
