//! Requests to the REST API, through its router, with a stand-in for the herder.

use std::sync::{Arc, LazyLock};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tidegate_herder::info::StateName;
use tidegate_rest::limits::Limits;
use tidegate_rest::path_segment;
use tidegate_rest::router::open_router;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::input::Input;

/// The stand-in of the REST tests.
#[allow(dead_code, missing_docs, reason = "the tests use all of it")]
#[path = "../../../runtime/rest/tests/rest/support.rs"]
mod support;

use support::Fake;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime is made")
});

const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "X",
];
/// Paths; `{}` is a name.
const PATHS: &[&str] = &[
    "/connectors",
    "/connectors/c/config",
    "/connectors/{}/config",
    "/connectors/c/offsets",
    "/connectors/{}",
    "/connectors/c/restart",
    "/connectors/c/tasks/{}/restart",
    "/connectors/c/topics/reset",
    "/connector-plugins/{}/config/validate",
    "/connector-plugins/{}/config",
    "/connector-plugins",
    "/connector-plugins/{}",
    "/admin/loggers/{}",
    "/admin/loggers",
    "/openapi.json",
    "/metrics",
    "/{}",
];
const TYPES: &[&str] = &[
    "application/json",
    "application/json; charset=utf-8",
    "application/wasm",
    "text/plain",
    "",
];

/// Bytes that choose method, path, type, name and query; the rest is the body.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let method = *input.pick(METHODS);
    let path = *input.pick(PATHS);
    let kind = *input.pick(TYPES);
    let raw = input.flag();
    let name = input.text(24);
    let query = input.text(24);
    let name = if raw { name } else { path_segment(&name) };
    let mut uri = path.replace("{}", &name);
    if !query.is_empty() {
        uri = format!("{uri}?{query}");
    }
    let body = input.rest().to_vec();
    let request = Request::builder().method(method).uri(&uri);
    let request = match kind {
        "" => request,
        kind => request.header("content-type", kind),
    };
    // What is no URI never gets this far.
    let Ok(request) = request.body(Body::from(body)) else {
        return;
    };
    RUNTIME.block_on(answered(
        request,
        &format!("{method} {uri}"),
        method == "HEAD",
    ));
}

async fn answered(request: Request<Body>, shown: &str, is_head: bool) {
    let fake = Fake::default();
    let known = (Default::default(), StateName::Stopped);
    fake.connectors
        .lock()
        .unwrap()
        .insert("c".to_owned(), known);
    let router = open_router(Arc::new(fake), Limits::default());
    let answer = router.oneshot(request).await.expect("there is an answer");
    let status = answer.status();
    assert!(
        status != StatusCode::INTERNAL_SERVER_ERROR,
        "{shown}: {status}"
    );
    let body = to_bytes(answer.into_body(), usize::MAX).await;
    let body = body.expect("the answer is read");
    if status.as_u16() < 400 || is_head {
        return;
    }
    let answer: serde_json::Value =
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{shown}: {status}: {error}"));
    assert_eq!(answer["error_code"], status.as_u16(), "{shown}");
    assert!(answer["message"].is_string(), "{shown}: {answer}");
}
