//! Compiled components on disk.
//!
//! A file is named by the component's digest and the engine's compatibility hash. It holds a magic line, the
//! digest of all that follows, what the component says of itself, and the machine code. The digest is checked
//! over the very bytes that are then loaded. Loading machine code is as good as running it, so the folder must
//! belong to this user and nobody else may write to it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bindings::plugin::Info;
use crate::digest::Digest;
use crate::error::SandboxError;
use crate::private_folder;

/// The first line of a file; its number changes with the layout.
const MAGIC: &str = "tidegate compiled component 1\n";

/// The most bytes of a file. Machine code is some three to five times the size of its component.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The most files; beyond, those written first are removed. A thousand plugins, and the release before.
const FILES_MAX: usize = 2_000;

/// What a component says of itself, kept beside its code so that nobody has to ask again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    /// The interfaces with functions that it imports.
    pub(crate) imports: Vec<String>,
    /// Its plugins.
    pub(crate) infos: Vec<Info>,
}

/// A component that was compiled.
pub(crate) struct Compiled {
    pub(crate) about: About,
    bytes: Vec<u8>,
    code_at: usize,
}

impl Compiled {
    /// The machine code.
    pub(crate) fn code(&self) -> &[u8] {
        self.bytes.get(self.code_at..).unwrap_or_default()
    }
}

/// The folder.
pub(crate) struct Cache {
    dir: PathBuf,
    compatibility: String,
}

impl Cache {
    /// Opens the folder, and makes it when it is not there.
    pub(crate) fn open(dir: &Path, compatibility: String) -> Result<Self, SandboxError> {
        private_folder::open(dir, "sandbox.cache.dir")?;
        Ok(Self {
            dir: dir.to_owned(),
            compatibility,
        })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a component's file is.
    pub(crate) fn path(&self, digest: Digest) -> PathBuf {
        self.dir
            .join(format!("{digest}-{}.compiled", self.compatibility))
    }

    /// Reads a component's file. `None`: not there, or damaged (which is logged).
    pub(crate) fn read(&self, digest: Digest) -> Option<Compiled> {
        let path = self.path(digest);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| {
                bytes.reserve(usize::try_from(file.metadata()?.len()).unwrap_or(0));
                file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)
            })
            .ok()?;
        let compiled = parse(bytes);
        if compiled.is_none() {
            tracing::warn!(
                digest = %digest,
                "a cached compiled component is damaged or was changed; it is compiled again"
            );
        }
        compiled
    }

    /// Writes a component's file: all of it or nothing.
    pub(crate) fn write(
        &self,
        digest: Digest,
        about: &About,
        code: &[u8],
    ) -> Result<(), SandboxError> {
        let about = serde_json::to_string(about)
            .map_err(|error| SandboxError::Internal(format!("describing a component: {error}")))?;
        let mut rest = Vec::with_capacity(about.len() + 1 + code.len());
        rest.extend_from_slice(about.as_bytes());
        rest.push(b'\n');
        rest.extend_from_slice(code);
        let head = format!("{MAGIC}{}\n", Digest::of(&rest));
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(head.as_bytes())?;
            file.write_all(&rest)?;
            file.persist(self.path(digest))
                .map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| {
            SandboxError::Io(format!(
                "the cache folder {} cannot be written: {error}",
                self.dir.display()
            ))
        })?;
        if let Err(error) = prune(&self.dir, FILES_MAX) {
            tracing::warn!("old compiled components cannot be removed from the cache: {error}");
        }
        Ok(())
    }
}

/// Removes the oldest files of a cache folder until at most `files_max` are left.
fn prune(dir: &Path, files_max: usize) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let too_many = files.len().saturating_sub(files_max);
    files
        .iter()
        .take(too_many)
        .try_for_each(|(_, path)| fs::remove_file(path))
}

fn parse(bytes: Vec<u8>) -> Option<Compiled> {
    let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
    let (digest, rest) = rest.split_at_checked(64)?;
    let rest = rest.strip_prefix(b"\n")?;
    if Digest::of(rest).to_string().as_bytes() != digest {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let about = serde_json::from_slice(rest.get(..end)?).ok()?;
    let code_at = bytes.len() - rest.len() + end + 1;
    Some(Compiled {
        about,
        bytes,
        code_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            imports: vec!["a".to_owned()],
            infos: vec![],
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("c"), "x".to_owned()).unwrap();
        let digest = Digest::of(b"component");
        assert!(cache.read(digest).is_none());
        cache.write(digest, &about(), b"code\nof it").unwrap();
        let compiled = cache.read(digest).unwrap();
        assert_eq!(compiled.code(), b"code\nof it");
        assert_eq!(compiled.about.imports, ["a"]);
        let written = fs::read(cache.path(digest)).unwrap();
        for at in 0..written.len() {
            let mut changed = written.clone();
            changed[at] ^= 1;
            fs::write(cache.path(digest), changed).unwrap();
            assert!(cache.read(digest).is_none(), "byte {at}");
        }
        for length in 0..written.len() {
            fs::write(cache.path(digest), &written[..length]).unwrap();
            assert!(cache.read(digest).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn the_oldest_files_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let start = std::time::SystemTime::now();
        for number in 0..5_u64 {
            let file = File::create(folder.path().join(number.to_string())).unwrap();
            let second = std::time::Duration::from_secs(number);
            file.set_modified(start + second).unwrap();
        }
        prune(folder.path(), 2).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["3", "4"]);
    }
}
