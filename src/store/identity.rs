//! What tells one store from another in the same folder: sequence numbers of a store that was made anew mean other
//! entries.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use crate::store::StoreError;
use crate::store::partition::folders;
use crate::sys::{atomic, clock};

/// Name of the file, beside the partitions: it goes where they go.
const NAME: &str = "identity";
/// Hexadecimal digits.
pub const DIGITS: usize = 16;

/// The identity of the store in a data folder; it gets one where it has none yet.
pub fn identity(data: &Path) -> Result<String, StoreError> {
    let path = data.join("partitions").join(NAME);
    let wrong = |source| StoreError::Folder { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) if is_identity(&text) => Ok(text),
        // A power failure may leave it empty; another one only means that sinks begin anew.
        Ok(_) => make(&path).map_err(wrong),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path).map_err(wrong),
        Err(error) => Err(wrong(error)),
    }
}

/// Whether a text can be an identity.
pub fn is_identity(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The identity of a store that has partitions; one without any is nobody's yet.
pub fn known(data: &Path) -> Result<Option<String>, StoreError> {
    if folders(&data.join("partitions"))?.is_empty() { Ok(None) } else { identity(data).map(Some) }
}

/// Makes an empty data folder the store that its partitions come from. Who calls has the lock of the folder.
pub fn take_over(data: &Path, store: &str) -> Result<(), StoreError> {
    let path = data.join("partitions").join(NAME);
    let wrong = |source| StoreError::Folder { path: path.clone(), source };
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(wrong)?;
    atomic::write(&path, store.as_bytes()).map_err(wrong)
}

fn make(path: &Path) -> io::Result<String> {
    let text = format!("{:016x}", RandomState::new().hash_one(clock::now()));
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    atomic::write(path, text.as_bytes())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = identity(folder.path()).unwrap();
        assert_eq!(identity(folder.path()).unwrap(), first);
        fs::write(folder.path().join("partitions/identity"), "").unwrap();
        let second = identity(folder.path()).unwrap();
        assert!(second != first && second.len() == DIGITS);
    }
}
