//! `tidegate validate`: checks a connector's configuration without running it.

use tidegate_herder::info::ConfigInfos;
use tidegate_herder::validation;

use crate::args::ValidateArguments;
use crate::failure::Failure;
use crate::faults::Given;
use crate::output::{line, table};
use crate::runtime;

/// Checks a configuration.
pub fn run(arguments: &ValidateArguments) -> Result<(), Failure> {
    let worker = arguments.path.worker.as_deref();
    let config = worker.map(runtime::worker_config).transpose()?;
    if let Some(config) = &config {
        runtime::check_converters(config)?;
    }
    let plugins = runtime::named_registry(&arguments.path)?;
    let given = Given::read(&arguments.connector)?;
    let infos = validation::of_connector(&plugins.registry, config.as_ref(), &given.connector);
    let infos = infos.map_err(|error| {
        let fault = given.fault_of_class(&error);
        Failure::Refused(vec![given.line(&fault)])
    })?;
    show(&given, &infos, arguments.json)?;
    if infos.error_count == 0 {
        return Ok(());
    }
    Err(Failure::Shown {
        code: 2,
        text: format!(
            "{} error(s) in {}",
            infos.error_count,
            arguments.connector.display()
        ),
    })
}

fn show(given: &Given, infos: &ConfigInfos, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let text =
            serde_json::to_string(infos).map_err(|error| Failure::Failed(error.to_string()))?;
        return Ok(line(&text)?);
    }
    if infos.error_count == 0 {
        return Ok(line(&format!(
            "The configuration of {} is valid.",
            given.connector.name
        ))?);
    }
    let wrong = given.faults_in(infos).into_iter();
    let rows = wrong.map(|fault| {
        let value = fault.value.unwrap_or_else(|| "null".to_owned());
        [fault.key, value, fault.message]
    });
    Ok(table(["key", "value", "what is wrong"], rows.collect(), 0)?)
}
