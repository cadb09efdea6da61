//! Which path and method is which handler.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post, put};
use axum::{Extension, Router};
use tidegate_herder::control::Control;

use crate::access::Caller;
use crate::error::Failure;
use crate::gate::gate;
use crate::limits::Limits;
use crate::{connectors, loggers, metrics, offsets, openapi, plugins, root};

/// The routes of the API for one who asks nobody who calls: everyone may do everything.
pub fn open_router<C: Control>(control: Arc<C>, limits: Limits) -> Router {
    router(control, limits).layer(Extension(Caller::anyone("anonymous", "nothing")))
}

/// The routes of the API. The guard before it says who calls.
pub(crate) fn router<C: Control>(control: Arc<C>, limits: Limits) -> Router {
    let api = Router::new()
        .route("/", get(root::server_info::<C>))
        .route("/health", get(root::health::<C>))
        .route("/openapi.json", get(openapi::get))
        .route("/metrics", get(metrics::metrics::<C>))
        .route(
            "/connectors",
            get(connectors::list::<C>).post(connectors::create::<C>),
        )
        .route(
            "/connectors/{name}",
            get(connectors::get::<C>).delete(connectors::delete::<C>),
        )
        .route(
            "/connectors/{name}/config",
            get(connectors::config::<C>)
                .put(connectors::put_config::<C>)
                .patch(connectors::patch_config::<C>),
        )
        .route("/connectors/{name}/status", get(connectors::status::<C>))
        .route("/connectors/{name}/restart", post(connectors::restart::<C>))
        .route("/connectors/{name}/pause", put(connectors::pause::<C>))
        .route("/connectors/{name}/resume", put(connectors::resume::<C>))
        .route("/connectors/{name}/stop", put(connectors::stop::<C>))
        .route("/connectors/{name}/topics", get(connectors::topics::<C>))
        .route(
            "/connectors/{name}/topics/reset",
            put(connectors::reset_topics::<C>),
        )
        .route("/admin/loggers", get(loggers::list::<C>))
        .route(
            "/admin/loggers/{logger}",
            get(loggers::get::<C>).put(loggers::set::<C>),
        )
        .route(
            "/connectors/{name}/offsets",
            get(offsets::get::<C>)
                .patch(offsets::alter::<C>)
                .delete(offsets::reset::<C>),
        )
        .route(
            "/connectors/{name}/tasks",
            get(connectors::tasks::<C>).post(connectors::of_workers),
        )
        .route("/connectors/{name}/fence", put(connectors::of_workers))
        .route(
            "/connectors/{name}/tasks/{task}/status",
            get(connectors::task_status::<C>),
        )
        .route(
            "/connectors/{name}/tasks/{task}/restart",
            post(connectors::restart_task::<C>),
        )
        .route(
            "/connector-plugins",
            get(plugins::list::<C>).post(plugins::upload::<C>),
        )
        .route(
            "/connector-plugins/{class}",
            get(plugins::component::<C>).delete(plugins::remove::<C>),
        )
        .route(
            "/connector-plugins/{class}/config",
            get(plugins::config::<C>),
        )
        .route(
            "/connector-plugins/{class}/config/validate",
            put(plugins::validate::<C>),
        )
        .fallback(async || Failure::plain(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || Failure::plain(StatusCode::METHOD_NOT_ALLOWED))
        .with_state(control);
    // Around the whole: axum adds the header Allow outside of a router's own layers.
    Router::new()
        .fallback_service(api)
        .layer(middleware::from_fn_with_state(limits, gate))
}

/// The methods and paths in the router's source: what stands between one `.route(` and the next.
#[cfg(test)]
pub(crate) fn routed() -> std::collections::BTreeSet<(String, String)> {
    let source = include_str!("router.rs");
    let mut routed = std::collections::BTreeSet::new();
    for part in source.split(".route(").skip(1) {
        let (_, rest) = part.split_once('"').unwrap();
        let (path, rest) = rest.split_once('"').unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            let called = rest.match_indices(&format!("{method}(")).any(|(at, _)| {
                let before = rest[..at].chars().next_back();
                matches!(before, Some('.' | ' ' | ',' | '\n' | '('))
            });
            if called {
                routed.insert((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    routed
}
