//! Opening files for guests: regular files and folders only.
//!
//! Opening a named pipe waits until somebody opens its other end, inside the system where no deadline reaches,
//! and a device can do anything. A guest cannot make either; where the operator's folder has one, opening it is
//! refused with an error that the guest sees.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, Host, HostDescriptor, OpenFlags, PathFlags,
};

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

/// Replaces `open-at`. The linker must allow shadowing.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, open: Open| Ok((open_at(store.data_mut(), open)?,)),
    )
}

fn open_at(
    state: &mut State,
    (folder, path_flags, path, open_flags, flags): Open,
) -> Result<Result<Resource<Descriptor>, ErrorCode>> {
    let mut files = state.filesystem();
    let same_folder = Resource::new_borrow(folder.rep());
    let found = files.stat_at(same_folder, path_flags, path.clone());
    let kind = found.map(|stat| stat.type_);
    let opens = match kind {
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
    match files.open_at(folder, path_flags, path, open_flags, flags) {
        Ok(file) => Ok(Ok(file)),
        Err(error) => files.convert_error_code(error).map(Err),
    }
}
