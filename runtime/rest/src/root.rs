//! `GET /` and `GET /health`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tidegate_herder::control::{Control, Health};
use tidegate_herder::info::ServerInfo;

use crate::error::Failure;

pub(crate) async fn server_info<C: Control>(
    State(control): State<Arc<C>>,
) -> Result<Json<ServerInfo>, Failure> {
    Ok(Json(control.server_info().await?))
}

pub(crate) async fn health<C: Control>(State(control): State<Arc<C>>) -> Response {
    let (code, status, message) = match control.health().await {
        Health::Healthy => {
            let message =
                "Worker has completed startup and is ready to handle requests.".to_owned();
            (StatusCode::OK, "healthy", message)
        }
        Health::Starting(message) => (StatusCode::SERVICE_UNAVAILABLE, "starting", message),
        Health::Unhealthy(message) => (StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", message),
    };
    (code, Json(json!({"status": status, "message": message}))).into_response()
}
