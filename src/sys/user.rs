//! Acting as another user for a while, on this thread alone.

use std::io;

use rustix::process::{Gid, Uid, getegid, geteuid, getuid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

/// While it lives, this thread touches files with the rights of another user. Threads and programs that it starts do so,
/// too. The real user stays, so that the way back is open; groups stay as they are.
#[derive(Debug)]
pub struct Acting {
    before: (Uid, Gid),
}

impl Acting {
    pub fn start(uid: u32, gid: u32) -> io::Result<Acting> {
        let before = (geteuid(), getegid());
        switch(Uid::from_raw(uid), Gid::from_raw(gid))?;
        Ok(Acting { before })
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        let (uid, gid) = self.before;
        // First the user: another may not choose its group.
        let back = set_thread_res_uid(None, Some(uid), None).and_then(|()| set_thread_res_gid(None, Some(gid), None));
        if let Err(error) = back {
            tracing::error!(%error, "cannot become the former user again");
        }
    }
}

/// The user that work is done as: ourselves, or somebody else with pauses.
#[derive(Debug, Default)]
pub struct Role {
    who: Option<(u32, u32)>,
    acting: Option<Acting>,
}

impl Role {
    /// `who` is a user and a group; `None` is ourselves.
    pub fn start(who: Option<(u32, u32)>) -> io::Result<Role> {
        let acting = who.map(|(uid, gid)| Acting::start(uid, gid)).transpose()?;
        Ok(Role { who, acting })
    }

    /// Does `work` as ourselves.
    pub fn pause<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        self.acting = None;
        let result = work();
        self.acting = self.who.map(|(uid, gid)| Acting::start(uid, gid)).transpose()?;
        Ok(result)
    }
}

fn switch(uid: Uid, gid: Gid) -> io::Result<()> {
    if (geteuid(), getegid()) == (uid, gid) {
        return Ok(());
    }
    set_thread_res_gid(None, Some(gid), None)?;
    set_thread_res_uid(None, Some(uid), None)?;
    Ok(())
}

/// Whether this process was started by root.
pub fn is_root() -> bool {
    getuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn files_belong_to_whom_we_act_as() {
        if !is_root() {
            eprintln!("SKIPPED: only root can act as another user");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65534), None).unwrap();
        let owner = |name: &str| {
            std::fs::write(folder.path().join(name), "").unwrap();
            std::fs::metadata(folder.path().join(name)).unwrap().uid()
        };
        {
            let _acting = Acting::start(65534, 65534).unwrap();
            assert_eq!(owner("nobody"), 65534);
            assert!(std::fs::read("/etc/shadow").is_err());
        }
        assert_eq!(owner("root"), 0);
    }
}
