//! Secrets are in files or in the environment, never in the configuration, and are read whenever they are used: who
//! replaces a file need not tell.

use std::path::PathBuf;

/// A longer secret is another file.
const SECRET_BYTES: u64 = 64 << 10;

/// Where a secret is. Its `Debug` shows that, and not the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    File(PathBuf),
    Environment(String),
}

impl Secret {
    /// The secret without the line end that editors put behind it.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Secret::Environment(name) => {
                std::env::var(name).map_err(|_| format!("the environment has no {name}, which a secret is to be in"))?
            }
            Secret::File(path) => {
                let wrong = |error: std::io::Error| format!("{}: the secret cannot be read: {error}", path.display());
                if std::fs::metadata(path).map_err(wrong)?.len() > SECRET_BYTES {
                    return Err(format!("{}: is too long for a secret", path.display()));
                }
                std::fs::read_to_string(path).map_err(wrong)?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        // A line end within a header would be another header.
        let sound = !text.is_empty() && !text.contains(['\r', '\n', '\0']);
        if sound { Ok(text.to_owned()) } else { Err(format!("{}: is empty, or has several lines", self.place())) }
    }

    fn place(&self) -> String {
        match self {
            Secret::File(path) => path.display().to_string(),
            Secret::Environment(name) => format!("${name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_files_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let check = |text: &str, want: Result<&str, &str>| {
            std::fs::write(&path, text).unwrap();
            match (Secret::File(path.clone()).read(), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(error), Err(want)) => assert!(error.contains(want) && !error.contains("hunter2"), "{error}"),
                (got, want) => panic!("{got:?}, not {want:?}"),
            }
        };
        check("hunter2\n", Ok("hunter2"));
        check("hunter2\r\n", Ok("hunter2"));
        check("", Err("is empty"));
        check("hunter2\nX: y", Err("several lines"));
        check(&"x".repeat(SECRET_BYTES as usize + 1), Err("too long"));
        let missing = Secret::Environment("LOGMILL_NO_SUCH_SECRET".into());
        assert!(missing.read().unwrap_err().contains("LOGMILL_NO_SUCH_SECRET"));
    }
}
