//! `tidegate plugins add|remove|inspect`: components of a running worker, over its REST API, and what a file is.

use std::path::Path;

use serde_json::{Value, json};
use tidegate_config::limits::COMPONENT_BYTES_ALLOWED;
use tidegate_model::guest_text::clean;
use tidegate_rest::path_segment;

use crate::args::{PluginAction, WorkerUrl};
use crate::failure::Failure;
use crate::output::{json_line, line, number};
use crate::{plugins, runtime};

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Does what was asked.
pub fn run(action: &PluginAction) -> Result<(), Failure> {
    match action {
        PluginAction::Add { files, to } => files.iter().try_for_each(|file| add(file, to)),
        PluginAction::Remove {
            plugin,
            version,
            from,
        } => remove(plugin, version.as_deref(), from),
        PluginAction::Inspect { file, json } => inspect(file, *json),
    }
}

fn add(file: &Path, to: &WorkerUrl) -> Result<(), Failure> {
    let length = std::fs::metadata(file)
        .map_err(|error| unreadable(file, &error))?
        .len();
    // The worker has a limit of its own; this much none allows.
    if length > COMPONENT_BYTES_ALLOWED {
        return Err(Failure::Usage(format!(
            "{} has {} bytes; a component has at most {}",
            file.display(),
            number(length),
            number(COMPONENT_BYTES_ALLOWED)
        )));
    }
    let component = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
    let request = agent()
        .post(format!("{}/connector-plugins", to.base()))
        .header("Content-Type", "application/wasm");
    let answer = with_token(request).send(&component[..]);
    let (status, info) = answered(to, answer)?;
    if to.json {
        return Ok(json_line(&info)?);
    }
    let text = |of: &Value, key: &str| {
        let text = of.get(key).and_then(Value::as_str).unwrap_or_default();
        clean(text, 255).into_owned()
    };
    let what = if status == 201 {
        "added"
    } else {
        "there already"
    };
    line(&format!(
        "{} {what}: {}",
        file.display(),
        text(&info, "digest")
    ))?;
    let plugins = info.get("plugins").and_then(Value::as_array);
    for plugin in plugins.into_iter().flatten() {
        line(&format!(
            "  {} {} ({})",
            text(plugin, "class"),
            text(plugin, "version"),
            text(plugin, "type")
        ))?;
    }
    Ok(())
}

fn remove(plugin: &str, version: Option<&str>, from: &WorkerUrl) -> Result<(), Failure> {
    let mut url = format!("{}/connector-plugins/{}", from.base(), path_segment(plugin));
    if let Some(version) = version {
        url.push_str(&format!("?version={}", path_segment(version)));
    }
    answered(from, with_token(agent().delete(url)).call())?;
    if from.json {
        return Ok(json_line(&json!({ "removed": plugin }))?);
    }
    Ok(line(&format!("{plugin} removed"))?)
}

fn inspect(file: &Path, json: bool) -> Result<(), Failure> {
    let plugin = runtime::sandbox()?.load_file(file)?;
    let infos = plugin.infos();
    if json {
        let infos = infos.iter().map(|info| plugins::as_json(&plugin, info));
        return Ok(json_line(&Value::from_iter(infos))?);
    }
    for info in infos {
        plugins::show(&plugin, info)?;
    }
    Ok(())
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

/// Says who calls, where the environment has a token for it.
fn with_token<B>(request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
    match std::env::var("TIDEGATE_TOKEN") {
        Ok(token) if !token.is_empty() => {
            request.header("Authorization", format!("Bearer {token}"))
        }
        _ => request,
    }
}

/// The status and the body of an answer; what the worker refuses is a failure with its words.
fn answered(
    to: &WorkerUrl,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, Value), Failure> {
    let mut answer = answer.map_err(|error| {
        Failure::Failed(format!(
            "no worker answers at {}: {error}; name another with --url",
            to.base()
        ))
    })?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = body.read_to_string().unwrap_or_default();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    match status {
        200..300 => Ok((status, body)),
        _ => {
            let message = body.get("message").and_then(Value::as_str);
            let message = message.unwrap_or("it says no more");
            let message = clean(message, 4096);
            Err(Failure::Failed(format!(
                "the worker refuses it ({status}): {message}"
            )))
        }
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{} cannot be read: {error}", file.display()))
}
