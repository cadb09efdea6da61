//! `tidegate standalone`: a worker on its own.
//!
//! A guest's call cannot be dropped, so a thread may still run when the worker has ended: nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use tidegate_config::connector::ConnectorConfig;
use tidegate_config::worker::{Bootstrap, WorkerConfig};
use tidegate_herder::Herder;
use tidegate_rest::Server;
use tidegate_worker::Worker;
use tidegate_worker::steps::STEPS_MAX;
use tokio::sync::oneshot;

use crate::args::StandaloneArguments;
use crate::failure::Failure;
use crate::progress::{Progress, Style};
use crate::runtime;
use crate::stop_signals::StopSignals;

/// The blocking threads that are left when tasks hold all of theirs: one for each request of REST, and as many for
/// writes to the internal topics.
const CONTROL_THREADS_MAX: usize = 1_024;

/// How long threads that are still at work may take when all tasks have stopped.
const THREADS_TIME_MAX: Duration = Duration::from_secs(1);

/// Runs the worker until it is told to stop, or is idle for as long as was asked.
pub fn run(arguments: &StandaloneArguments) -> Result<(), Failure> {
    let config = runtime::worker_config(&arguments.worker)?;
    let files = arguments.connectors.iter();
    let connectors: Vec<_> = files
        .map(|path| ConnectorConfig::from_file(path))
        .collect::<Result<_, _>>()?;
    let idle = match arguments.exit_when_idle {
        None => None,
        Some(seconds) => Some(Duration::try_from_secs_f64(seconds).map_err(|error| {
            Failure::Usage(format!(
                "--exit-when-idle {seconds}: {error}; a number of seconds was wanted"
            ))
        })?),
    };
    let style = Style::of(arguments.json, arguments.no_progress);
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(STEPS_MAX + CONTROL_THREADS_MAX)
        .build()?;
    let ended = tokio.block_on(work(config, connectors, idle, style))?;
    if ended == Ended::Whole {
        // A client may have asked for what a guest takes long to answer.
        tokio.shutdown_timeout(THREADS_TIME_MAX);
    } else {
        tokio.shutdown_background();
    }
    match ended {
        Ended::Late(tasks) => Err(Failure::Late(tasks)),
        Ended::Whole | Ended::Opening => Ok(()),
    }
}

/// How a worker ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// All of it.
    Whole,
    /// It was told to before it was ready; a thread still waits for the broker.
    Opening,
    /// These tasks did not stop in time; their guests still run.
    Late(Vec<String>),
}

async fn work(
    config: WorkerConfig,
    connectors: Vec<ConnectorConfig>,
    idle: Option<Duration>,
    style: Style,
) -> Result<Ended, Failure> {
    let mut stop_signals = StopSignals::listen()?;
    if let Bootstrap::Embedded(folder) = &config.bootstrap {
        let given = if config.bootstrap_given {
            ""
        } else {
            " because bootstrap.servers is not given"
        };
        tracing::info!(folder = %folder.display(), "Topics are kept in this process{given}: for one worker and for tests.");
    }
    let server = Server::bind(&config.listeners).await?;
    let addresses = server.addresses();
    let worker_id = addresses
        .first()
        .map_or_else(|| "standalone".to_owned(), ToString::to_string);
    let expected: Vec<_> = connectors
        .iter()
        .map(|connector| connector.name.clone())
        .collect();
    let opening = blocking(move || {
        let broker = runtime::broker(&config)?;
        let registry = runtime::registry(Some(&config), &config.plugin_path)?;
        let worker = Arc::new(Worker::open(config, broker, registry)?);
        Ok(Herder::start(worker, worker_id, &expected)?)
    });
    let herder = tokio::select! {
        biased;
        opened = opening => opened?,
        () = stop_signals.told() => {
            tracing::info!("It was told to stop before it was ready.");
            return Ok(Ended::Opening);
        }
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let control = Arc::new(herder.clone());
    let serving = tokio::spawn(async move {
        // The sender is dropped when the worker ends: that is what is waited for.
        server.serve(control, async { drop(stopped.await) }).await;
    });
    for address in addresses {
        tracing::info!(%address, "The REST API is there.");
    }
    let ended = watch(&herder, connectors, idle, style, stop_signals).await;
    drop(stop);
    let late = herder.shutdown().await?;
    drop(serving.await);
    if late.is_empty() {
        ended.map(|()| Ended::Whole)
    } else {
        if let Err(failure) = ended {
            tracing::error!(%failure, "The worker failed.");
        }
        Ok(Ended::Late(late))
    }
}

/// Starts the connectors of the command line, then watches them until the worker is to end.
async fn watch(
    herder: &Herder,
    connectors: Vec<ConnectorConfig>,
    idle: Option<Duration>,
    style: Style,
    mut stop_signals: StopSignals,
) -> Result<(), Failure> {
    let started = async {
        for connector in connectors {
            herder.put_from_command_line(connector).await?;
        }
        Ok::<_, Failure>(())
    };
    tokio::select! {
        started = started => started?,
        () = stop_signals.told() => return Ok(()),
    }
    Progress::new(herder.clone(), style)
        .watch(idle, stop_signals)
        .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Failed(format!("the worker could not be opened: {error}")))?
}
