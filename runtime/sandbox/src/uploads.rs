//! Components that were uploaded, on disk: one file each, named by its digest, so that nothing a client says becomes a
//! path, and what is in a file can be checked against its name.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::error::SandboxError;
use crate::plugin::Plugin;
use crate::private_folder;
use crate::sandbox::Sandbox;

/// The most bytes of the name of who owns a component.
const OWNER_BYTES_MAX: u64 = 1_024;

/// A file, and the component in it with its owner.
type LoadedFile = (PathBuf, Result<(Plugin, Option<String>), SandboxError>);

/// The folder of uploaded components.
pub(crate) struct Uploads {
    sandbox: Sandbox,
    dir: PathBuf,
    bytes_max: u64,
    changing: Mutex<()>,
}

impl Uploads {
    /// Opens the folder, and makes it when it is not there.
    pub(crate) fn open(
        sandbox: &Sandbox,
        dir: &Path,
        bytes_max: u64,
    ) -> Result<Self, SandboxError> {
        private_folder::open(dir, "sandbox.plugins.dir")?;
        Ok(Self {
            sandbox: sandbox.clone(),
            dir: dir.to_owned(),
            bytes_max,
            changing: Mutex::default(),
        })
    }

    /// Loads what is in the folder. A file whose content is not what its name says is not loaded.
    pub(crate) fn load_all(&self) -> Result<Vec<LoadedFile>, SandboxError> {
        let mut files = Vec::new();
        let entries = fs::read_dir(&self.dir).map_err(|error| self.io("read", &error))?;
        for entry in entries {
            files.push(entry.map_err(|error| self.io("read", &error))?.path());
        }
        files.retain(|file| file.extension().is_some_and(|ending| ending == "wasm"));
        files.sort();
        let load = |file: PathBuf| {
            let loaded = self.sandbox.load_file(&file).and_then(|plugin| {
                if self.path(plugin.digest()) == file {
                    let owner = self.owner(plugin.digest())?;
                    Ok((plugin, owner))
                } else {
                    Err(SandboxError::Refused(
                        "the file was changed: its digest is not its name. Remove it and upload the component again"
                            .to_owned(),
                    ))
                }
            });
            (file, loaded)
        };
        Ok(files.into_iter().map(load).collect())
    }

    /// Loads a component that came from a client.
    pub(crate) fn load(&self, component: &[u8]) -> Result<Plugin, SandboxError> {
        self.sandbox.load(component)
    }

    /// Lets nobody else change the folder meanwhile.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a component: all of it, durably, or nothing. Who owns it is written first: without it, it would be
    /// everyone's.
    pub(crate) fn keep(
        &self,
        digest: Digest,
        component: &[u8],
        owner: Option<&str>,
    ) -> Result<(), SandboxError> {
        let there = self.bytes().map_err(|error| self.io("read", &error))?;
        let wanted = there.saturating_add(component.len() as u64);
        if wanted > self.bytes_max {
            return Err(SandboxError::Conflict(format!(
                "uploaded components would have {wanted} bytes together; at most {} are allowed (sandbox.plugins.bytes.max). \
                 Delete some that are not used",
                self.bytes_max
            )));
        }
        let write = || -> std::io::Result<()> {
            match owner {
                Some(owner) => self.write(&self.owner_path(digest), owner.as_bytes())?,
                None => remove(&self.owner_path(digest))?,
            }
            self.sync()?;
            self.write(&self.path(digest), component)?;
            self.sync()
        };
        write().map_err(|error| self.io("written", &error))
    }

    /// Removes a component's file.
    pub(crate) fn remove(&self, digest: Digest) -> Result<(), SandboxError> {
        let removed = remove(&self.path(digest))
            .and_then(|()| self.sync())
            .and_then(|()| remove(&self.owner_path(digest)));
        removed.map_err(|error| self.io("written", &error))
    }

    /// All of a file, or nothing.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn owner(&self, digest: Digest) -> Result<Option<String>, SandboxError> {
        let mut owner = String::new();
        let read = File::open(self.owner_path(digest))
            .and_then(|file| file.take(OWNER_BYTES_MAX).read_to_string(&mut owner));
        match read {
            Ok(_) => Ok(Some(owner)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("read", &error)),
        }
    }

    fn owner_path(&self, digest: Digest) -> PathBuf {
        self.dir.join(format!("{digest}.owner"))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    fn bytes(&self) -> std::io::Result<u64> {
        fs::read_dir(&self.dir)?.try_fold(0, |sum: u64, entry| {
            Ok(sum.saturating_add(entry?.metadata()?.len()))
        })
    }

    /// What was renamed or removed is so after a power failure too.
    fn sync(&self) -> std::io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn io(&self, what: &str, error: &std::io::Error) -> SandboxError {
        SandboxError::Io(format!(
            "the folder of uploaded components {} cannot be {what}: {error}",
            self.dir.display()
        ))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
