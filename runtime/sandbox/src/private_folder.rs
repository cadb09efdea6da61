//! A folder that belongs to this user and that nobody else may write to: what is in it is run, or trusted.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use crate::error::SandboxError;

/// Makes the folder where it is missing, and checks whose it is. `key` is the worker's key that names it.
pub(crate) fn open(dir: &Path, key: &str) -> Result<(), SandboxError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .and_then(|()| fs::metadata(dir))
        .map_err(|error| {
            SandboxError::Io(format!(
                "the folder {} cannot be made: {error}; set {key} to a folder of this user",
                dir.display()
            ))
        })
        .and_then(|metadata| check_owner(dir, key, metadata.uid(), metadata.mode()))
}

fn check_owner(dir: &Path, key: &str, owner: u32, mode: u32) -> Result<(), SandboxError> {
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        return Err(SandboxError::Io(format!(
            "the folder {} belongs to user {owner}, this worker runs as {user}; set {key} to a folder of its own",
            dir.display()
        )));
    }
    if mode & 0o022 != 0 {
        return Err(SandboxError::Io(format!(
            "others may write to the folder {} (mode {:o}); what is in it is run, so `chmod 700` it",
            dir.display(),
            mode & 0o777
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_folder_is_private_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/b");
        open(&dir, "sandbox.cache.dir").unwrap();
        let mode = fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o770)).unwrap();
        let refused = open(&dir, "sandbox.cache.dir").unwrap_err().to_string();
        assert!(refused.contains("others may write"), "{refused}");
        let me = rustix::process::geteuid().as_raw();
        assert!(check_owner(&dir, "sandbox.cache.dir", me + 1, 0o700).is_err());
    }
}
