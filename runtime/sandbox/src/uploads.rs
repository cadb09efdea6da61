//! Components that were uploaded, on disk: one file each, named by its digest, so that nothing a client says becomes a
//! path, and what is in a file can be checked against its name.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::error::SandboxError;
use crate::plugin::Plugin;
use crate::private_folder;
use crate::sandbox::Sandbox;

/// A file, and the component in it.
type LoadedFile = (PathBuf, Result<Plugin, SandboxError>);

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
                    Ok(plugin)
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

    /// Writes a component: all of it, durably, or nothing.
    pub(crate) fn keep(&self, digest: Digest, component: &[u8]) -> Result<(), SandboxError> {
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
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(component)?;
            file.as_file().sync_all()?;
            file.persist(self.path(digest))
                .map_err(|error| error.error)?;
            self.sync()
        };
        write().map_err(|error| self.io("written", &error))
    }

    /// Removes a component's file.
    pub(crate) fn remove(&self, digest: Digest) -> Result<(), SandboxError> {
        match fs::remove_file(self.path(digest)).and_then(|()| self.sync()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.io("written", &error))
            }
            _ => Ok(()),
        }
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
