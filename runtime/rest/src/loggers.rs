//! `/admin/loggers` (KIP-495, KIP-976).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tidegate_config::json::flat;
use tidegate_herder::LogLevel;
use tidegate_herder::control::{Control, LogScope};
use tidegate_herder::loggers::LoggerLevel;

use crate::access::Caller;
use crate::body::JsonObject;
use crate::error::Failure;
use crate::path::Segment;
use crate::query::Query;

pub(crate) async fn list<C: Control>(
    State(control): State<Arc<C>>,
) -> Result<Json<BTreeMap<String, LoggerLevel>>, Failure> {
    Ok(Json(control.loggers().await?))
}

pub(crate) async fn get<C: Control>(
    State(control): State<Arc<C>>,
    Segment(name): Segment,
) -> Result<Json<LoggerLevel>, Failure> {
    Ok(Json(control.logger(&name).await?))
}

pub(crate) async fn set<C: Control>(
    State(control): State<Arc<C>>,
    caller: Caller,
    Segment(name): Segment,
    query: Query,
    JsonObject(entries): JsonObject,
) -> Result<Response, Failure> {
    caller.check_all()?;
    let level = flat(entries)?.remove("level").ok_or_else(|| {
        Failure::bad_request("Desired 'level' parameter was not specified in request.")
    })?;
    let level = LogLevel::of(&level).ok_or_else(|| {
        Failure::bad_request(format!(
            "invalid log level '{level}'. OFF, FATAL, ERROR, WARN, INFO, DEBUG and TRACE are possible"
        ))
    })?;
    let scope = query.values("scope").next().unwrap_or("worker");
    let cluster = scope.eq_ignore_ascii_case("cluster");
    if !cluster && !scope.eq_ignore_ascii_case("worker") {
        tracing::warn!(
            scope,
            "A scope of loggers is worker or cluster; worker is taken."
        );
    }
    let scope = if cluster {
        LogScope::Cluster
    } else {
        LogScope::Worker
    };
    let set = control.set_logger(&name, level, scope).await?;
    Ok(match scope {
        LogScope::Worker => Json(set).into_response(),
        LogScope::Cluster => StatusCode::NO_CONTENT.into_response(),
    })
}
