//! Listing folders for guests, an entry at a time.
//!
//! wasmtime-wasi reads the whole folder when a listing begins, on the host, however large the folder is and whatever
//! the deadline of the call. Here the host holds one buffer for each open listing and goes on in the folder as the
//! guest asks, so that nothing grows with the folder and the guest meets its deadline between two entries.

use rustix::fs::{AtFlags, DirEntry, FileType};
use wasmtime::component::{LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorType, DirectoryEntry, ErrorCode,
};

use crate::files::error_code;
use crate::state::State;

/// A folder that is being listed.
struct Listing(rustix::fs::Dir);

/// Replaces listing folders. The linker must allow shadowing.
pub(crate) fn add_to_linker(interface: &mut LinkerInstance<'_, State>) -> Result<()> {
    interface.resource(
        "directory-entry-stream",
        ResourceType::host::<Listing>(),
        |mut store, listing| {
            let listing = Resource::<Listing>::new_own(listing);
            store.data_mut().table.delete(listing)?;
            Ok(())
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, State>, (folder,): (Resource<Descriptor>,)| {
            Ok((open(store.data_mut(), &folder)?,))
        },
    )?;
    interface.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: StoreContextMut<'_, State>, (listing,): (Resource<Listing>,)| {
            let Listing(folder) = store.data_mut().table.get_mut(&listing)?;
            Ok((next(folder),))
        },
    )
}

fn open(
    state: &mut State,
    folder: &Resource<Descriptor>,
) -> Result<Result<Resource<Listing>, ErrorCode>> {
    let folder = match state.table.get(folder)? {
        Descriptor::Dir(folder) => &folder.dir,
        Descriptor::File(_) => return Ok(Err(ErrorCode::NotDirectory)),
    };
    match rustix::fs::Dir::read_from(folder) {
        Ok(folder) => Ok(Ok(state.table.push(Listing(folder))?)),
        Err(error) => Ok(Err(error_code(error))),
    }
}

fn next(folder: &mut rustix::fs::Dir) -> Result<Option<DirectoryEntry>, ErrorCode> {
    loop {
        let Some(entry) = folder.read() else {
            return Ok(None);
        };
        let entry = entry.map_err(error_code)?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let name = entry.file_name().to_str();
        return Ok(Some(DirectoryEntry {
            name: name.map_err(|_| ErrorCode::IllegalByteSequence)?.to_owned(),
            type_: kind(folder, &entry),
        }));
    }
}

/// What an entry is. Some file systems do not say it in the listing.
fn kind(folder: &rustix::fs::Dir, entry: &DirEntry) -> DescriptorType {
    let kind = match entry.file_type() {
        FileType::Unknown => {
            let looked = folder.fd().and_then(|folder| {
                rustix::fs::statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
            });
            looked.map_or(FileType::Unknown, |stat| {
                FileType::from_raw_mode(stat.st_mode)
            })
        }
        known => known,
    };
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Fifo => DescriptorType::Fifo,
        _ => DescriptorType::Unknown,
    }
}
