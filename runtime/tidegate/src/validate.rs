//! `tidegate validate`: checks a connector's configuration without running it.

use tidegate_config::connector::ConnectorConfig;
use tidegate_herder::info::ConfigInfos;
use tidegate_herder::validation;

use crate::args::ValidateArguments;
use crate::failure::Failure;
use crate::output::{line, table};
use crate::runtime;

/// Checks a configuration.
pub fn run(arguments: &ValidateArguments) -> Result<(), Failure> {
    let config = arguments
        .path
        .worker
        .as_deref()
        .map(runtime::worker_config)
        .transpose()?;
    let registry = runtime::named_registry(&arguments.path)?;
    let connector = ConnectorConfig::from_file(&arguments.connector)?;
    let infos = validation::of_connector(&registry, config.as_ref(), &connector)?;
    show(&connector, &infos, arguments.json)?;
    if infos.error_count == 0 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} error(s) in {}",
        infos.error_count,
        arguments.connector.display()
    )))
}

fn show(connector: &ConnectorConfig, infos: &ConfigInfos, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let text =
            serde_json::to_string(infos).map_err(|error| Failure::Failed(error.to_string()))?;
        return Ok(line(&text)?);
    }
    if infos.error_count == 0 {
        return Ok(line(&format!(
            "The configuration of {} is valid.",
            connector.name
        ))?);
    }
    let wrong = infos.configs.iter().flat_map(|config| {
        let value = config
            .value
            .value
            .clone()
            .unwrap_or_else(|| "null".to_owned());
        config
            .value
            .errors
            .iter()
            .map(move |error| [config.value.name.clone(), value.clone(), error.clone()])
    });
    Ok(table(["key", "value", "what is wrong"], wrong.collect())?)
}
