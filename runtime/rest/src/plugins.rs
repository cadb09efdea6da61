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

use crate::access::Caller;
use crate::body::{Component, JsonObject};
use crate::error::Failure;
use crate::path::Segment;
use crate::query::Query;

pub(crate) async fn list<C: Control>(
    State(control): State<Arc<C>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Failure> {
    if query.text("expand") == Some("component") {
        let components = control.components().await?.into_iter();
        let components = components.map(|info| seen_by(&caller, info));
        return Ok(Json(components.collect::<Vec<_>>()).into_response());
    }
    let plugins = control.plugins(query.boolean("connectorsOnly", true));
    Ok(Json(plugins.await?).into_response())
}

pub(crate) async fn config<C: Control>(
    State(control): State<Arc<C>>,
    Segment(class): Segment,
    query: Query,
) -> Result<Json<Vec<ConfigKeyInfo>>, Failure> {
    let version = query.values("version").next();
    Ok(Json(control.plugin_config(&class, version).await?))
}

pub(crate) async fn validate<C: Control>(
    State(control): State<Arc<C>>,
    Segment(class): Segment,
    JsonObject(entries): JsonObject,
) -> Result<Json<ConfigInfos>, Failure> {
    Ok(Json(control.validate(&class, flat(entries)?).await?))
}

pub(crate) async fn upload<C: Control>(
    State(control): State<Arc<C>>,
    caller: Caller,
    component: Component,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ComponentInfo>), Failure> {
    let (info, new) = control.upload(component.bytes, caller.owner()).await?;
    let info = seen_by(&caller, info);
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
    caller: Caller,
    Segment(name): Segment,
    query: Query,
) -> Result<Json<ComponentInfo>, Failure> {
    let info = control.component(&name, query.text("version")).await?;
    Ok(Json(seen_by(&caller, info)))
}

/// Without the connectors that are none of the caller's.
fn seen_by(caller: &Caller, mut info: ComponentInfo) -> ComponentInfo {
    info.connectors.retain(|name| caller.may_see(name));
    info
}

pub(crate) async fn remove<C: Control>(
    State(control): State<Arc<C>>,
    caller: Caller,
    Segment(name): Segment,
    query: Query,
) -> Result<StatusCode, Failure> {
    let (version, owner) = (query.text("version"), caller.owner());
    control
        .remove_component(&name, version, owner.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
