//! `/connector-plugins`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use tidegate_config::json::flat;
use tidegate_herder::component_info::ComponentInfo;
use tidegate_herder::control::Control;
use tidegate_herder::info::{ConfigInfos, ConfigKeyInfo};

use crate::body::{Component, JsonObject};
use crate::error::Failure;
use crate::path::Name;
use crate::query::Query;

pub(crate) async fn list<C: Control>(
    State(control): State<Arc<C>>,
    query: Query,
) -> Result<Response, Failure> {
    if query.text("expand") == Some("component") {
        return Ok(Json(control.components().await?).into_response());
    }
    let plugins = control.plugins(query.boolean("connectorsOnly", true));
    Ok(Json(plugins.await?).into_response())
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

pub(crate) async fn upload<C: Control>(
    State(control): State<Arc<C>>,
    component: Component,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ComponentInfo>), Failure> {
    let (info, new) = control.upload(component.bytes).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("/connector-plugins/{}", info.digest);
    Ok((status, [(LOCATION, location)], Json(info)))
}

pub(crate) async fn component<C: Control>(
    State(control): State<Arc<C>>,
    Name(name): Name,
    query: Query,
) -> Result<Json<ComponentInfo>, Failure> {
    Ok(Json(control.component(&name, query.text("version")).await?))
}

pub(crate) async fn remove<C: Control>(
    State(control): State<Arc<C>>,
    Name(name): Name,
    query: Query,
) -> Result<StatusCode, Failure> {
    control
        .remove_component(&name, query.text("version"))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
