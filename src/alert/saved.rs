//! `data/alerts.json`: the state, replaced as a whole.

use std::io;
use std::path::{Path, PathBuf};

use crate::alert::state::State;
use crate::sys::atomic;

/// A larger file is not ours.
const MAX_BYTES: u64 = 256 << 20;

pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("alerts.json")
}

/// The state as it was saved; the default where there is none. One that cannot be read is put aside, and why is told.
pub fn load(data_dir: &Path) -> (State, Option<String>) {
    let path = path(data_dir);
    let read = || -> io::Result<State> {
        if std::fs::metadata(&path)?.len() > MAX_BYTES {
            return Err(io::Error::other("it is too large"));
        }
        Ok(serde_json::from_slice(&std::fs::read(&path)?)?)
    };
    match read() {
        Ok(state) => (state, None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (State::default(), None),
        Err(error) => {
            let aside = path.with_extension("json.damaged");
            let kept = std::fs::rename(&path, &aside).is_ok();
            let kept = if kept { format!("; it is kept as {}", aside.display()) } else { String::new() };
            (State::default(), Some(format!("{}: cannot be used: {error}{kept}; alerts begin anew", path.display())))
        }
    }
}

pub fn save(data_dir: &Path, state: &State) -> io::Result<()> {
    atomic::write(&path(data_dir), &serde_json::to_vec(state)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_or_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), (State::default(), None));
        let mut state = State::default();
        state.add_silence(vec!["alert=x".to_owned()], 10, "why", 1).unwrap();
        save(folder.path(), &state).unwrap();
        assert_eq!(load(folder.path()), (state, None));
        std::fs::write(path(folder.path()), "{").unwrap();
        let (state, problem) = load(folder.path());
        assert_eq!(state, State::default());
        assert!(problem.unwrap().contains("alerts.json.damaged"));
        assert!(folder.path().join("alerts.json.damaged").exists());
    }
}
