//! The sandbox: everything that runs a stranger's WebAssembly, and the only crate that sees wasmtime.
//!
//! A guest is hostile until shown otherwise. It is given clocks, random numbers, a log, and the folders and addresses
//! that its configuration names; it is held to limits on time, memory and what it hands over; and what it answers is
//! checked once, here. After a fault its store is dropped and its neighbours notice nothing.
//!
//! The way of a component: bytes → [`shape`](shape::check) → [compiling](compile_child) in a child process →
//! the cache → [`Plugin`] → an instance ([`SourceInstance`], [`SinkInstance`], [`TransformInstance`],
//! [`PredicateInstance`]).
//!
//! | module | what |
//! | --- | --- |
//! | `sandbox` | the engine and all that is loaded |
//! | `engine`, `ticker`, `limiter` | wasmtime's knobs; the clock behind deadlines; memory and tables in sum |
//! | `shape`, `compile`, `cache`, `digest` | from bytes to machine code |
//! | `plugin`, `describe`, `registry`, `class_name`, `nearest_name` | what a component is, and finding it by name |
//! | `uploads`, `private_folder` | components that clients uploaded, kept |
//! | `gate`, `share`, `threads` | long calls wait for their turn; what a connector's tasks share; the threads they run on |
//! | `guest` | one store, one call at a time, nothing after a fault |
//! | `network`, `secrets` | outbound connections, by socket, HTTP and our own `tcp`; what the guest is not shown |
//! | `waits` | `wasi:io` with a deadline |
//! | `state`, `host_functions`, `files`, `file_open`, `folder_listing`, `file_output`, `quota`, `guest_log`, `guest_output`, `unoffered` | what a guest is given, and its words |
//! | `source`, `sink`, `transform` | the typed instances |
//! | `in_hand` | how far a sink says that it came with its batch |
//! | `bridge`, `reads`, `incoming`, `merge` | batches across the boundary: moved, held back, checked, merged |
//! | `usage` | what the guests of a task have used |
//! | `step_count` | what each transform of a chain did, as its guest says it |
//! | `parts`, `gathered` | a batch that is too large for one call: divided, and put together again |
//!
//! Every method blocks; call them on threads that may block, never on an async worker thread.

mod bindings;
mod bridge;
mod cache;
mod class_name;
mod compile;
mod debt;
mod describe;
mod digest;
mod engine;
mod error;
mod file_open;
mod file_output;
mod files;
mod folder_listing;
mod gate;
mod gathered;
mod guest;
mod guest_log;
mod guest_output;
mod host_functions;
mod in_hand;
mod incoming;
mod limiter;
mod merge;
mod nearest_name;
mod network;
mod parts;
mod plugin;
mod private_folder;
mod quota;
mod reads;
mod registry;
mod sandbox;
mod secret_handles;
mod settings;
pub mod shape;
mod share;
mod sink;
mod source;
mod state;
mod step_count;
mod threads;
mod ticker;
mod transform;
mod unoffered;
mod uploads;
mod usage;
mod waits;

pub use compile::compile_child;
pub use describe::{CONFIG_KEYS_MAX, Kind, PLUGINS_MAX, PluginInfo};
pub use digest::Digest;
pub use error::{RecordError, SandboxError};
pub use gate::{HELD_MAX, LONG_CALL_CPU};
pub use guest_log::Identity;
pub use host_functions::SOURCE_PARTITIONS_MAX;
pub use limiter::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
pub use merge::{Applied, StepError};
pub use network::refusals::{Refusal, Refusals};
pub use plugin::{Plugin, TASKS_MAX};
pub use reads::Reads;
pub use registry::{COMPONENTS_MAX, Entry, Registry};
pub use sandbox::Sandbox;
pub use settings::{COMPILE_ARGUMENT, Compiler, Settings};
pub use share::{Hold, Share};
pub use sink::{Put, SinkInstance};
pub use source::{Polled, SourceInstance, WAIT_MS_MAX};
pub use state::OffsetReader;
pub use step_count::StepCount;
pub use threads::{GuestThreads, is_spent};
pub use transform::{Condition, PredicateInstance, Step, Tested, TransformInstance};
pub use usage::{Usage, Used, thread_time};

#[cfg(test)]
mod tests {
    fn crosses_threads<T: Send>() {}

    #[test]
    fn instances_may_move_between_threads() {
        crosses_threads::<super::Sandbox>();
        crosses_threads::<super::Plugin>();
        crosses_threads::<super::SourceInstance>();
        crosses_threads::<super::SinkInstance>();
        crosses_threads::<super::TransformInstance>();
        crosses_threads::<super::PredicateInstance>();
    }
}
