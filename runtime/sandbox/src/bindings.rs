//! The types and calls that `wit/*.wit` describes, generated for the host.
//!
//! One world holds every interface, only so that all of them share the types; which of the exports a component
//! has is looked up one by one (`plugin.rs`). Nothing outside this crate sees these types.

#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: r#"
        package tidegate:sandbox@0.1.0;

        world every {
            import tidegate:connect/types@0.1.0;
            import tidegate:connect/host@0.1.0;
            import tidegate:connect/source-offsets@0.1.0;
            import tidegate:connect/task-reconfiguration@0.1.0;
            import tidegate:connect/sink-progress@0.1.0;
            import tidegate:connect/tcp@0.1.0;
            export tidegate:connect/plugin@0.1.0;
            export tidegate:connect/source@0.1.0;
            export tidegate:connect/sink@0.1.0;
            export tidegate:connect/transform@0.1.0;
            export tidegate:connect/predicate@0.1.0;
        }
    "#,
    world: "tidegate:sandbox/every",
    imports: { default: trappable },
    with: { "tidegate:connect/tcp.connection": crate::network::tcp::Connection },
    require_store_data_send: true,
    additional_derives: [serde::Serialize, serde::Deserialize],
});

pub use exports::tidegate::connect::{plugin, predicate, sink, source, transform};
pub use tidegate::connect::{
    host, sink_progress, source_offsets, task_reconfiguration, tcp, types,
};
