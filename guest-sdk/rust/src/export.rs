//! The one macro that makes a component of plugins.

/// Exports plugins: any of `sources`, `sinks`, `transforms` and `predicates`, each a list of types.
///
/// `export! { sources: [TickSource], transforms: [Mask, Rename] }` makes a component of a source and two
/// transforms; the [crate's documentation](crate) has whole examples.
///
/// It also defines `ComponentPlugins`, whose [`PluginSet::plugins`](crate::PluginSet::plugins) finds them by
/// class name in native tests.
#[macro_export]
macro_rules! export {
    ($($kind:ident : [$($plugin:ty),* $(,)?]),* $(,)?) => {
        /// The plugins of this component.
        #[derive(Debug, Clone, Copy)]
        pub struct ComponentPlugins;

        impl $crate::PluginSet for ComponentPlugins {
            fn plugins() -> $crate::Plugins {
                let plugins = $crate::Plugins::new();
                $($(let plugins = $crate::__add!($kind plugins $plugin);)*)*
                plugins
            }
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        mod tidegate_component {
            type Component = $crate::component::Component<super::ComponentPlugins>;
            $crate::bindings::plugin::export!(Component with_types_in $crate::bindings::plugin);
            $($crate::__export!($kind);)*
        }
    };
}

/// Adds a plugin of a kind to a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __add {
    (sources $plugins:ident $plugin:ty) => {
        $plugins.source::<$plugin>()
    };
    (sinks $plugins:ident $plugin:ty) => {
        $plugins.sink::<$plugin>()
    };
    (transforms $plugins:ident $plugin:ty) => {
        $plugins.transform_of::<$plugin>()
    };
    (predicates $plugins:ident $plugin:ty) => {
        $plugins.predicate_of::<$plugin>()
    };
}

/// Exports the interface of a kind.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (sources) => {
        $crate::bindings::source::export!(Component with_types_in $crate::bindings::source);
    };
    (sinks) => {
        $crate::bindings::sink::export!(Component with_types_in $crate::bindings::sink);
    };
    (transforms) => {
        $crate::bindings::transform::export!(Component with_types_in $crate::bindings::transform);
    };
    (predicates) => {
        $crate::bindings::predicate::export!(Component with_types_in $crate::bindings::predicate);
    };
}
