//! `tidegate standalone`: a worker on its own.
//!
//! A guest's call cannot be dropped, so a thread may still run when the worker has ended: nobody waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_config::worker::{Bootstrap, WorkerConfig};
use tidegate_herder::{Herder, HerderError};
use tidegate_model::ErrorClass;
use tidegate_rest::Server;
use tidegate_worker::Worker;
use tidegate_worker::steps::STEPS_MAX;
use tokio::sync::oneshot;

use crate::args::StandaloneArguments;
use crate::failure::Failure;
use crate::faults::Given;
use crate::progress::Progress;
use crate::progress_line::{ProgressLine, Style};
use crate::runtime;
use crate::stop_signals::StopSignals;
use crate::traces::Traces;

/// The blocking threads that are left when tasks hold all of theirs: one for each request of REST, and as many for
/// writes to the internal topics.
const CONTROL_THREADS_MAX: usize = 1_024;

/// How long threads that are still at work may take when all tasks have stopped.
const THREADS_TIME_MAX: Duration = Duration::from_secs(1);

/// Runs the worker until it is told to stop, or is idle for as long as was asked.
pub fn run(arguments: &StandaloneArguments) -> Result<(), Failure> {
    let config = runtime::worker_config(&arguments.worker)?;
    runtime::check_converters(&config)?;
    let connectors = connectors(&arguments.connectors)?;
    let idle = match arguments.exit_when_idle {
        None => None,
        Some(idle) => Some(seconds("--exit-when-idle", idle)?),
    };
    let progress = ProgressLine::new(
        Style::of(arguments.json, arguments.no_progress),
        seconds("--progress-interval", arguments.progress_interval)?,
    );
    let asked = Asked {
        worker: arguments.worker.clone(),
        connectors,
        idle,
    };
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(STEPS_MAX + CONTROL_THREADS_MAX)
        .build()?;
    let traces = Traces::start(config.traces.as_ref())?;
    let ended = tokio.block_on(work(config, asked, progress))?;
    traces.finish();
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

/// Reads the connectors' files. A name can be given once: the last of two would silently take the other's place.
fn connectors(paths: &[PathBuf]) -> Result<Vec<Given>, Failure> {
    let mut connectors: Vec<Given> = Vec::with_capacity(paths.len());
    for path in paths {
        let given = Given::read(path)?;
        let name = &given.connector.name;
        let same = |other: &&Given| other.connector.name == *name;
        if let Some(other) = connectors.iter().find(same) {
            return Err(Failure::Usage(format!(
                "{} and {} are both for a connector of the name {name}; each needs a name of its own",
                other.path.display(),
                path.display()
            )));
        }
        connectors.push(given);
    }
    Ok(connectors)
}

/// A time that the command line gives.
fn seconds(option: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds).map_err(|error| {
        Failure::Usage(format!(
            "{option} {seconds}: {error}; a number of seconds was wanted"
        ))
    })
}

/// What the command line asks for.
struct Asked {
    /// The worker's file.
    worker: PathBuf,
    connectors: Vec<Given>,
    /// How long nothing may move.
    idle: Option<Duration>,
}

/// What runs.
#[derive(Clone)]
struct Opened {
    worker: Arc<Worker>,
    herder: Herder,
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
    mut config: WorkerConfig,
    asked: Asked,
    progress: ProgressLine,
) -> Result<Ended, Failure> {
    let mut stop_signals = StopSignals::listen()?;
    if let Bootstrap::Embedded(folder) = &config.bootstrap {
        let given = if config.bootstrap_given {
            ""
        } else {
            " because bootstrap.servers is not given"
        };
        tracing::info!(folder = %folder.display(), "Topics are kept in a folder, for this worker alone{given}.");
    }
    let server = Server::open(&config.listeners, &config.rest).await?;
    let addresses = server.addresses();
    // With the ports that were free: no plugin is connected to them.
    config.listeners = addresses.iter().map(|address| (*address).into()).collect();
    let worker_id = addresses
        .first()
        .map_or_else(|| "standalone".to_owned(), ToString::to_string);
    let expected: Vec<_> = asked
        .connectors
        .iter()
        .map(|given| given.connector.name.clone())
        .collect();
    let opening = blocking(move || {
        let broker = runtime::broker(&config)?;
        let registry = runtime::registry(&config, &runtime::plugin_path(&config))?;
        let worker = Arc::new(Worker::open(config, broker, registry)?);
        let herder = Herder::start(Arc::clone(&worker), worker_id, &expected)?
            .with_loggers(crate::output::loggers());
        Ok(Opened { worker, herder })
    });
    let opened = tokio::select! {
        biased;
        opened = opening => opened?,
        () = stop_signals.told() => {
            tracing::info!("It was told to stop before it was ready.");
            return Ok(Ended::Opening);
        }
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let control = Arc::new(opened.herder.clone());
    let serving = tokio::spawn(async move {
        // The sender is dropped when the worker ends: that is what is waited for.
        server.serve(control, async { drop(stopped.await) }).await;
    });
    for address in addresses {
        tracing::info!(%address, "The REST API is there.");
    }
    let ended = watch(&opened, asked, progress, stop_signals).await;
    drop(stop);
    let late = opened.herder.shutdown().await?;
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
    opened: &Opened,
    asked: Asked,
    progress: ProgressLine,
    mut stop_signals: StopSignals,
) -> Result<(), Failure> {
    let idle = asked.idle;
    tokio::select! {
        started = start(opened, asked) => started?,
        () = stop_signals.told() => return Ok(()),
    }
    let broker = Arc::clone(opened.worker.broker());
    Progress::new(opened.herder.clone(), broker, progress)
        .watch(idle, stop_signals)
        .await
}

async fn start(opened: &Opened, asked: Asked) -> Result<(), Failure> {
    let mut connectors = asked.connectors.into_iter();
    while let Some(given) = connectors.next() {
        let config = given.connector.clone();
        let put = opened.herder.put_from_command_line(config).await;
        match put {
            Ok(_) => {}
            Err(error) if error.class() == ErrorClass::Config => {
                let (worker, rest) = (Arc::clone(&opened.worker), connectors.collect());
                let refused = move || Err(refusal(&worker, &asked.worker, &given, rest, &error));
                return blocking(refused).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What is wrong with a connector that was refused, and with those after it. Blocks.
fn refusal(
    worker: &Worker,
    worker_file: &Path,
    first: &Given,
    rest: Vec<Given>,
    error: &HerderError,
) -> Failure {
    let (registry, config) = (worker.registry(), Some(worker.config()));
    let faults = |given: &Given| {
        let found = given.faults(registry, config);
        found.iter().map(|fault| given.line(fault)).collect()
    };
    let mut lines: Vec<String> = faults(first);
    if lines.is_empty() {
        let (path, name) = (first.path.display(), &first.connector.name);
        lines.push(format!("{path}: connector {name}: {error}"));
    }
    lines.extend(rest.iter().flat_map(faults));
    lines.push(format!(
        "`tidegate validate {} --worker {}` checks a configuration without running it",
        first.path.display(),
        worker_file.display()
    ));
    Failure::Refused(lines)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Failed(format!("the worker could not be opened: {error}")))?
}
