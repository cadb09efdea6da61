//! Interfaces of WASI 0.2 that are not offered (answering HTTP, say), imported all the same.
//!
//! Toolchains of interpreted languages import whole families of interfaces whether a program uses them or not.
//! Such a component is loaded; a call to one of them is a trap that names it.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Result, bail};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

use crate::network::refusals::Refusal;
use crate::state::State;

/// The packages and interfaces of WASI 0.2 that the linker has.
const OFFERED: [&str; 10] = [
    "wasi:io/",
    "wasi:clocks/wall-clock@",
    "wasi:clocks/monotonic-clock@",
    "wasi:random/",
    "wasi:filesystem/",
    "wasi:sockets/",
    "wasi:http/types@",
    "wasi:http/outgoing-handler@",
    "wasi:cli/",
    "tidegate:connect/",
];

/// A resource of an interface that is not offered; there never is one.
struct Never;

/// Adds what a component imports beyond what is offered: functions that trap.
pub(crate) fn add_to_linker(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    let engine = component.engine();
    for (interface, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        if OFFERED.iter().any(|offered| interface.starts_with(offered)) {
            continue;
        }
        let mut linker = linker.instance(interface)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let full_name = format!("{interface}#{name}");
                    linker.func_new(name, move |store, _, _, _| {
                        store.data().usage.refused(Refusal::Interface, 1);
                        bail!("it called {full_name}, which this worker does not offer")
                    })?;
                }
                ComponentItem::Resource(_) => {
                    linker.resource(name, resource(name), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The type behind a resource: those that interfaces borrow from `wasi:io` are what they are there.
fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<DynPollable>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "error" | "io-error" => ResourceType::host::<IoError>(),
        _ => ResourceType::host::<Never>(),
    }
}
