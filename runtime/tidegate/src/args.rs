//! The command line's arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Kafka Connect's job, done with WebAssembly.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    about,
    after_help = "Exit codes: 0 done; 1 failed; 2 asked wrongly; 3 tasks did not stop in time, or were not waited for.\nLog level: RUST_LOG (error, warn, info, debug)."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a worker on its own, with connectors from files, as connect-standalone does.
    Standalone(StandaloneArguments),
    /// What somebody types who knows connect-distributed: it is refused with what there is instead.
    #[command(hide = true)]
    Distributed(DistributedArguments),
    /// List topics with their partitions and records.
    Topics(TopicsArguments),
    /// Print the records of a topic.
    Consume(ConsumeArguments),
    /// List plugins: what each component is, imports and can be configured with.
    Plugins(PluginsArguments),
    /// Check a connector's configuration without running it.
    Validate(ValidateArguments),
    /// Make a digest of a password, or a token with its digest, for the file of rest.access.file.
    Access(AccessArguments),
}

impl Command {
    /// Whether a failure is to be JSON on standard output too. The JSON lines of `standalone` are its progress.
    pub fn fails_in_json(&self) -> bool {
        match self {
            Self::Standalone(_) | Self::Distributed(_) | Self::Access(_) => false,
            Self::Topics(arguments) => arguments.json,
            Self::Consume(arguments) => arguments.json,
            Self::Plugins(arguments) => match &arguments.action {
                None => arguments.json,
                Some(PluginAction::Add { to, .. }) => to.json,
                Some(PluginAction::Remove { from, .. }) => from.json,
                Some(PluginAction::Inspect { json, .. }) => *json,
            },
            Self::Validate(arguments) => arguments.json,
        }
    }
}

/// Arguments of `standalone`.
#[derive(Debug, Args)]
pub struct StandaloneArguments {
    /// The worker's properties file. Environment variables such as CONNECT_BOOTSTRAP_SERVERS override its keys.
    pub worker: PathBuf,
    /// Connectors: .properties, or JSON with or without "config". They may write their own files.
    pub connectors: Vec<PathBuf>,
    /// End when nothing has moved for this many seconds and nothing waits.
    #[arg(long, value_name = "SECONDS")]
    pub exit_when_idle: Option<f64>,
    /// Show no progress line.
    #[arg(long)]
    pub no_progress: bool,
    /// Where progress is no line that is written over, write one each so many seconds while records move.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub progress_interval: f64,
    /// Print progress as JSON lines on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `distributed`.
#[derive(Debug, Args)]
pub struct DistributedArguments {
    /// The worker's properties file.
    #[arg(default_value = "WORKER")]
    pub worker: PathBuf,
}

/// Which broker a command speaks to.
#[derive(Debug, Args)]
pub struct BrokerArguments {
    /// A worker's properties file, whose broker and security settings are used. CONNECT_… variables count more.
    #[arg(long, value_name = "FILE", conflicts_with = "bootstrap_servers")]
    pub worker: Option<PathBuf>,
    /// host:port of a Kafka broker, or embedded:FOLDER. Without it and --worker: CONNECT_BOOTSTRAP_SERVERS, or the
    /// default embedded folder.
    #[arg(long, value_name = "SERVERS")]
    pub bootstrap_servers: Option<String>,
}

/// Arguments of `topics`.
#[derive(Debug, Args)]
pub struct TopicsArguments {
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArguments,
    /// List Kafka's internal topics too.
    #[arg(long)]
    pub internal: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `consume`.
#[derive(Debug, Args)]
pub struct ConsumeArguments {
    /// The topic.
    pub topic: String,
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArguments,
    /// End after this many records.
    #[arg(long, value_name = "RECORDS")]
    pub max: Option<u64>,
    /// Wait for more records instead of ending with the topic.
    #[arg(long)]
    pub follow: bool,
    /// Print each record as JSON with topic, partition, offset, timestamp, key, value and headers. What is not UTF-8
    /// is in base16 instead, as key_hex or value_hex.
    #[arg(long)]
    pub json: bool,
}

/// Where plugins are.
#[derive(Debug, Args)]
pub struct PluginPathArguments {
    /// A worker's properties file, whose plugin.path is used. CONNECT_PLUGIN_PATH counts more.
    #[arg(long, value_name = "FILE")]
    pub worker: Option<PathBuf>,
    /// Folders of plugins, separated by commas, instead of the worker's or those of CONNECT_PLUGIN_PATH.
    #[arg(long, value_name = "FOLDERS")]
    pub plugin_path: Option<String>,
}

/// Where a worker's REST API is.
#[derive(Debug, Args)]
pub struct WorkerUrl {
    /// The worker's REST API. A token for it is taken from TIDEGATE_TOKEN.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8083")]
    pub url: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl WorkerUrl {
    /// The URL that paths are appended to.
    pub fn base(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

/// What to do with components.
#[derive(Debug, Subcommand)]
pub enum PluginAction {
    /// Upload components to a running worker.
    Add {
        /// The components.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The worker.
        #[command(flatten)]
        to: WorkerUrl,
    },
    /// Delete an uploaded component of a running worker.
    Remove {
        /// Its digest, or a class of it.
        plugin: String,
        /// Which version of the class.
        #[arg(long)]
        version: Option<String>,
        /// The worker.
        #[command(flatten)]
        from: WorkerUrl,
    },
    /// Say what a component is, without a worker.
    Inspect {
        /// The component.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `plugins`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PluginsArguments {
    /// Add, remove or inspect components instead of listing them.
    #[command(subcommand)]
    pub action: Option<PluginAction>,
    /// Show one plugin with its configuration keys, by class or alias.
    pub class: Option<String>,
    /// Where they are.
    #[command(flatten)]
    pub path: PluginPathArguments,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// The connector's file.
    pub connector: PathBuf,
    /// Where plugins are.
    #[command(flatten)]
    pub path: PluginPathArguments,
    /// Print JSON, as Kafka Connect's REST API answers.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `access`.
#[derive(Debug, Args)]
pub struct AccessArguments {
    /// `password` reads one from standard input and prints its digest; `token` makes a new one.
    pub kind: AccessKind,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AccessKind {
    /// A password's digest.
    Password,
    /// A token and its digest.
    Token,
}
