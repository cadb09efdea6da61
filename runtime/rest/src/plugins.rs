//! `/connector-plugins`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tidegate_config::json::flat;
use tidegate_herder::control::Control;
use tidegate_herder::info::{ConfigInfos, ConfigKeyInfo, PluginSummary};

use crate::body::JsonObject;
use crate::error::Failure;
use crate::path::Name;
use crate::query::Query;

pub(crate) async fn list<C: Control>(
    State(control): State<Arc<C>>,
    query: Query,
) -> Result<Json<Vec<PluginSummary>>, Failure> {
    Ok(Json(
        control
            .plugins(query.boolean("connectorsOnly", true))
            .await?,
    ))
}

pub(crate) async fn config<C: Control>(
    State(control): State<Arc<C>>,
    Name(class): Name,
    query: Query,
) -> Result<Json<Vec<ConfigKeyInfo>>, Failure> {
    let version = query.values("version").next();
    Ok(Json(control.plugin_config(&class, version).await?))
}

pub(crate) async fn validate<C: Control>(
    State(control): State<Arc<C>>,
    Name(class): Name,
    JsonObject(entries): JsonObject,
) -> Result<Json<ConfigInfos>, Failure> {
    Ok(Json(control.validate(&class, flat(entries)?).await?))
}
