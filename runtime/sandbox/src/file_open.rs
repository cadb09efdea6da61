//! Opening a file beneath a folder in one step that does not wait, and looking at what was opened.
//!
//! Whoever looks first and opens then may open something else: a named pipe put in between would hold the host.

use std::fs::File;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as OpenFile, OpenMode};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};

use crate::files::error_code;

/// How often opening is tried again when something was renamed meanwhile, which makes the system give up.
const TRIES: usize = 4;

/// How a guest wants to open a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) path: PathFlags,
    pub(crate) open: OpenFlags,
    pub(crate) descriptor: DescriptorFlags,
}

/// Opens a regular file or a folder, never what lies outside of `folder`. `None`: this system cannot do it in one
/// step (Linux before 5.6, or a filter of system calls).
pub(crate) fn open_beneath(
    folder: &Dir,
    path: &str,
    how: How,
) -> Option<Result<Descriptor, ErrorCode>> {
    let (flags, mode) = match flags(folder, how) {
        Ok(flags) => flags,
        Err(error) => return Some(Err(error)),
    };
    let permissions = if flags.contains(OFlags::CREATE) {
        Mode::from_bits_truncate(0o666)
    } else {
        Mode::empty()
    };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let open = || rustix::fs::openat2(&*folder.dir, path, flags, permissions, resolve);
    let again = |opened: &Result<_, Errno>| matches!(opened, Err(Errno::AGAIN));
    let mut opened = open();
    for _ in 1..TRIES {
        if !again(&opened) {
            break;
        }
        opened = open();
    }
    match opened {
        Ok(file) => Some(descriptor(folder, file.into(), mode)),
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => None,
        // It leads out of the folder; or it is a pipe without a reader, a socket or a device.
        Err(Errno::XDEV | Errno::NXIO) => Some(Err(ErrorCode::NotPermitted)),
        Err(error) => Some(Err(error_code(error))),
    }
}

/// What the guest is given of what was opened.
fn descriptor(folder: &Dir, file: File, mode: OpenMode) -> Result<Descriptor, ErrorCode> {
    let stat = rustix::fs::fstat(&file).map_err(error_code)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Descriptor::Dir(Dir::new(file, folder.perms, mode, true))),
        FileType::RegularFile => {
            // Not waiting was meant for opening only.
            rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(error_code)?;
            Ok(Descriptor::File(OpenFile::new(
                file,
                folder.perms,
                mode,
                true,
            )))
        }
        _ => Err(ErrorCode::NotPermitted),
    }
}

/// The system's flags, and the mode that the guest is told, as wasmtime-wasi translates them.
fn flags(folder: &Dir, how: How) -> Result<(OFlags, OpenMode), ErrorCode> {
    let create = how.open.contains(OpenFlags::CREATE);
    let truncate = how.open.contains(OpenFlags::TRUNCATE);
    let exclusive = how.open.contains(OpenFlags::EXCLUSIVE);
    let directory = how.open.contains(OpenFlags::DIRECTORY);
    let synchronized = DescriptorFlags::FILE_INTEGRITY_SYNC
        | DescriptorFlags::DATA_INTEGRITY_SYNC
        | DescriptorFlags::REQUESTED_WRITE_SYNC;
    if how.descriptor.intersects(synchronized) {
        return Err(ErrorCode::Unsupported);
    }
    if directory && (create || truncate || exclusive) {
        return Err(ErrorCode::Invalid);
    }
    let asks_write = how.descriptor.contains(DescriptorFlags::WRITE);
    let write = asks_write || create || truncate;
    if write && folder.perms.write_not_permitted() {
        return Err(ErrorCode::NotPermitted);
    }
    // A file that is opened for nothing is opened for reading.
    let read = how.descriptor.contains(DescriptorFlags::READ) || !asks_write;
    let mut mode = OpenMode::empty();
    mode.set(OpenMode::READ, read);
    mode.set(OpenMode::WRITE, write);
    let mut flags = match (read, write) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        _ => OFlags::RDONLY,
    };
    flags |= OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::CREATE, create);
    flags.set(OFlags::EXCL, create && exclusive);
    flags.set(OFlags::TRUNC, truncate);
    flags.set(OFlags::DIRECTORY, directory);
    let follow = how.path.contains(PathFlags::SYMLINK_FOLLOW);
    flags.set(OFlags::NOFOLLOW, !follow);
    Ok((flags, mode))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::CWD;
    use wasmtime_wasi::FsPerms;

    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        dir: Dir,
    }

    fn place() -> Place {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("in");
        std::fs::create_dir(&inner).unwrap();
        std::fs::create_dir(inner.join("sub")).unwrap();
        std::fs::write(inner.join("file"), "hello").unwrap();
        std::fs::write(outer.path().join("canary"), "secret").unwrap();
        symlink("../canary", inner.join("out")).unwrap();
        symlink("file", inner.join("link")).unwrap();
        let read_write = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, inner.join("pipe"), FileType::Fifo, read_write, 0).unwrap();
        let opened = File::open(&inner).unwrap();
        Place {
            folder: outer,
            dir: Dir::new(opened, FsPerms::ReadWrite, OpenMode::READ, true),
        }
    }

    fn open(place: &Place, path: &str, descriptor: DescriptorFlags) -> Result<&'static str, ()> {
        let how = How {
            path: PathFlags::SYMLINK_FOLLOW,
            open: OpenFlags::empty(),
            descriptor,
        };
        match open_beneath(&place.dir, path, how).expect("this system can") {
            Ok(Descriptor::Dir(_)) => Ok("folder"),
            Ok(Descriptor::File(_)) => Ok("file"),
            Err(_) => Err(()),
        }
    }

    #[test]
    fn files_and_folders_are_opened_and_nothing_else() {
        let place = place();
        for flags in [DescriptorFlags::READ, DescriptorFlags::WRITE] {
            let folder = if flags == DescriptorFlags::READ {
                Ok("folder")
            } else {
                Err(())
            };
            assert_eq!(open(&place, "file", flags), Ok("file"));
            assert_eq!(open(&place, "link", flags), Ok("file"));
            assert_eq!(open(&place, "sub", flags), folder);
            // It would wait for ever if it waited.
            assert_eq!(open(&place, "pipe", flags), Err(()));
            for path in ["out", "../canary", "/etc/passwd", "file/", "missing", ""] {
                assert_eq!(open(&place, path, flags), Err(()), "{path}");
            }
        }
        let canary = std::fs::read_to_string(place.folder.path().join("canary"));
        assert_eq!(canary.unwrap(), "secret");
    }

    #[test]
    fn a_folder_for_reading_gives_nothing_for_writing() {
        let mut place = place();
        place.dir.perms = FsPerms::ReadOnly;
        for (open, descriptor) in [
            (OpenFlags::CREATE, DescriptorFlags::READ),
            (OpenFlags::TRUNCATE, DescriptorFlags::READ),
            (OpenFlags::empty(), DescriptorFlags::WRITE),
        ] {
            let path = PathFlags::empty();
            let how = How {
                path,
                open,
                descriptor,
            };
            let refused = open_beneath(&place.dir, "file", how).unwrap();
            assert!(matches!(refused, Err(ErrorCode::NotPermitted)));
        }
        assert_eq!(open(&place, "file", DescriptorFlags::READ), Ok("file"));
    }
}
