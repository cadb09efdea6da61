//! Opening files for guests, regular files and folders only, and writing to them.
//!
//! Opening a named pipe waits until somebody opens its other end, inside the system where no deadline reaches,
//! and a device can do anything. A guest cannot make either; where the operator's folder has one, opening it is
//! refused with an error that the guest sees (`file_open`). Folders are listed by `folder_listing`. What a guest
//! writes goes through [`FileOutput`].

use std::sync::Arc;

use rustix::io::Errno;
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, Host, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsResult};

use crate::file_open::{How, open_beneath};
use crate::file_output::{At, FileOutput, check_quota};
use crate::folder_listing;
use crate::network::refusals::Refusal;
use crate::state::State;

/// The interface as the linker has it; a test opens a named pipe, and so notices another version.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

type Open = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

/// Replaces opening, listing and writing. The linker must allow shadowing.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    folder_listing::add_to_linker(&mut interface)?;
    interface.func_wrap(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, open: Open| {
            let opened = open_at(store.data_mut(), open)?;
            if let Err(ErrorCode::NotPermitted | ErrorCode::Access | ErrorCode::ReadOnly) = opened {
                store.data().network.refusals().add(Refusal::File);
            }
            Ok((opened,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, position): (Resource<Descriptor>, u64)| {
            Ok((output(store.data_mut(), &file, At::Position(position))?,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, State>, (file,): (Resource<Descriptor>,)| {
            Ok((output(store.data_mut(), &file, At::End)?,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.write",
        |mut store: StoreContextMut<'_, State>,
         (file, bytes, position): (Resource<Descriptor>, Vec<u8>, u64)| {
            let state = store.data_mut();
            if !has_room(state, &file, At::Position(position), bytes.len())? {
                return Ok((Err(ErrorCode::Quota),));
            }
            let mut files = state.filesystem();
            let written = files.write(file, bytes, position);
            Ok((coded(&mut files, written)?,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.set-size",
        |mut store: StoreContextMut<'_, State>, (file, size): (Resource<Descriptor>, u64)| {
            let state = store.data_mut();
            if !has_room(state, &file, At::Position(size), 0)? {
                return Ok((Err(ErrorCode::Quota),));
            }
            let mut files = state.filesystem();
            let set = files.set_size(file, size);
            Ok((coded(&mut files, set)?,))
        },
    )
}

/// Whether a file may grow to hold so many bytes at a position. What is no file is for others to refuse.
fn has_room(state: &State, file: &Resource<Descriptor>, at: At, bytes: usize) -> Result<bool> {
    Ok(match state.table.get(file)? {
        Descriptor::File(file) if !file.perms.write_not_permitted() => {
            check_quota(&state.quota, &file.file, at, bytes).is_ok()
        }
        _ => true,
    })
}

/// An answer with the code of its error.
fn coded<T>(
    files: &mut WasiFilesystemCtxView<'_>,
    done: FsResult<T>,
) -> Result<std::result::Result<T, ErrorCode>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(error) => files.convert_error_code(error).map(Err),
    }
}

fn output(
    state: &mut State,
    file: &Resource<Descriptor>,
    at: At,
) -> Result<Result<Resource<DynOutputStream>, ErrorCode>> {
    let file = match state.table.get(file)? {
        Descriptor::Dir(_) => return Ok(Err(ErrorCode::BadDescriptor)),
        Descriptor::File(file) if file.perms.write_not_permitted() => {
            return Ok(Err(ErrorCode::NotPermitted));
        }
        Descriptor::File(file) => Arc::clone(&file.file),
    };
    let output: DynOutputStream = Box::new(FileOutput::new(file, at, state.quota.clone()));
    Ok(Ok(state.table.push(output)?))
}

fn open_at(
    state: &mut State,
    (folder, path_flags, path, open_flags, flags): Open,
) -> Result<Result<Resource<Descriptor>, ErrorCode>> {
    let mut files = state.filesystem();
    // A device may do something as soon as it is opened, so it is looked at first.
    let same_folder = Resource::new_borrow(folder.rep());
    let found = files.stat_at(same_folder, path_flags, path.clone());
    let opens = match found.map(|stat| stat.type_) {
        Ok(kind) => matches!(
            kind,
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
        ),
        // Not there, or not to be seen: opening says so, or creates it.
        Err(_) => true,
    };
    if !opens {
        return Ok(Err(ErrorCode::NotPermitted));
    }
    let beneath = match files.table.get(&folder)? {
        Descriptor::Dir(folder) => folder.clone(),
        Descriptor::File(_) => return Ok(Err(ErrorCode::NotDirectory)),
    };
    let how = How {
        path: path_flags,
        open: open_flags,
        descriptor: flags,
    };
    if let Some(opened) = open_beneath(&beneath, &path, how) {
        return match opened {
            Ok(file) => Ok(Ok(files.table.push(file)?)),
            Err(error) => Ok(Err(error)),
        };
    }
    let opened = files.open_at(folder, path_flags, path, open_flags, flags);
    coded(&mut files, opened)
}

/// An error of the system as guests see it.
pub(crate) fn error_code(error: Errno) -> ErrorCode {
    types::ErrorCode::from(std::io::Error::from(error)).into()
}
