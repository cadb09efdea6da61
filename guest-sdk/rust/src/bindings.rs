//! What wit-bindgen makes of the WIT package. Each world holds one interface, so that a component exports
//! what it has and nothing else; all share one set of types.

/// The imports and the shared types.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package tidegate:sdk-imports;
            world imports {
                import tidegate:connect/types@0.1.0;
                import tidegate:connect/host@0.1.0;
                import tidegate:connect/source-offsets@0.1.0;
                import tidegate:connect/task-reconfiguration@0.1.0;
                import tidegate:connect/sink-progress@0.1.0;
                import tidegate:connect/tcp@0.1.0;
            }
        ",
        world: "tidegate:sdk-imports/imports",
        generate_all,
        generate_unused_types: true,
        runtime_path: "::wit_bindgen::rt",
    });
}

macro_rules! exported {
    ($(#[$doc:meta])* $module:ident, $inline:literal, $world:literal, $bindings:literal) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                inline: $inline,
                world: $world,
                with: {
                    "tidegate:connect/types@0.1.0": crate::bindings::imports::tidegate::connect::types,
                },
                pub_export_macro: true,
                default_bindings_module: $bindings,
                runtime_path: "::wit_bindgen::rt",
            });
        }
    };
}

exported!(
    /// `describe` and `validate`: every component has them.
    plugin,
    "package tidegate:sdk-plugin; world plugin-only { export tidegate:connect/plugin@0.1.0; }",
    "tidegate:sdk-plugin/plugin-only",
    "tidegate_sdk::bindings::plugin"
);
exported!(
    /// Source connectors.
    source,
    "package tidegate:sdk-source; world source-only { export tidegate:connect/source@0.1.0; }",
    "tidegate:sdk-source/source-only",
    "tidegate_sdk::bindings::source"
);
exported!(
    /// Sink connectors.
    sink,
    "package tidegate:sdk-sink; world sink-only { export tidegate:connect/sink@0.1.0; }",
    "tidegate:sdk-sink/sink-only",
    "tidegate_sdk::bindings::sink"
);
exported!(
    /// Transforms.
    transform,
    "package tidegate:sdk-transform; world transform-only { export tidegate:connect/transform@0.1.0; }",
    "tidegate:sdk-transform/transform-only",
    "tidegate_sdk::bindings::transform"
);
exported!(
    /// Predicates.
    predicate,
    "package tidegate:sdk-predicate; world predicate-only { export tidegate:connect/predicate@0.1.0; }",
    "tidegate:sdk-predicate/predicate-only",
    "tidegate_sdk::bindings::predicate"
);
