//! The keys of a worker's configuration: those that do something here, those of Kafka Connect that are accepted
//! without effect, and the prefixes of keys that are passed on.

use crate::providers::is_provider_key;
use crate::rules;

/// Keys that do something.
pub(crate) const KEYS: &[&str] = &[
    "access.control.allow.methods",
    "access.control.allow.origin",
    "admin.listeners",
    "response.http.headers.config",
    "rest.access.file",
    "rest.connection.ms.max",
    "rest.connections.max",
    "rest.extension.basic.auth.file",
    "rest.extension.classes",
    "rest.request.body.bytes.max",
    "rest.request.body.ms.max",
    "rest.request.header.bytes.max",
    "rest.request.header.ms.max",
    "rest.request.ms.max",
    "rest.unauthenticated.beyond.loopback",
    "bootstrap.servers",
    "client.id",
    "config.providers",
    "config.variables.allowlist.pattern",
    "config.storage.replication.factor",
    "config.storage.topic",
    "connector.client.config.override.allowlist",
    "connector.client.config.override.policy",
    "embedded.memory.bytes",
    "embedded.retention.check.interval.ms",
    "embedded.sync",
    "embedded.sync.interval.ms",
    "auto.create.topics.enable",
    "num.partitions",
    "group.id",
    "header.converter",
    "key.converter",
    "listeners",
    "offset.flush.interval.ms",
    "offset.flush.timeout.ms",
    "offset.storage.file.filename",
    "offset.storage.partitions",
    "offset.storage.replication.factor",
    "offset.storage.topic",
    "otel.exporter.otlp.endpoint",
    "otel.exporter.otlp.headers",
    "otel.exporter.otlp.protocol",
    "otel.exporter.otlp.traces.endpoint",
    "otel.service.name",
    "otel.traces.sampler.arg",
    "plugin.path",
    "sandbox.bytes.per.second.max",
    "sandbox.cache.dir",
    "sandbox.call.bytes.max",
    "sandbox.call.input.bytes.max",
    "sandbox.compile.cpu.ms.max",
    "sandbox.compile.memory.bytes.max",
    "sandbox.compile.ms.max",
    "sandbox.component.bytes.max",
    "sandbox.cpu.percent.max",
    "sandbox.function.bytes.max",
    "sandbox.function.locals.max",
    "sandbox.handles.max",
    "sandbox.log.line.bytes.max",
    "sandbox.log.lines.burst.max",
    "sandbox.log.lines.per.second.max",
    "sandbox.memory.bytes.max",
    "sandbox.plugins.bytes.max",
    "sandbox.plugins.dir",
    "sandbox.poll.ms.max",
    "sandbox.connections.max",
    "sandbox.policy.addresses",
    "sandbox.policy.bytes.per.second.max",
    "sandbox.policy.call.ms.max",
    "sandbox.policy.cpu.percent.max",
    "sandbox.policy.http",
    "sandbox.policy.memory.bytes.max",
    "sandbox.policy.read",
    "sandbox.policy.records.per.second.max",
    "sandbox.policy.rules",
    "sandbox.policy.write",
    "sandbox.policy.write.bytes.max",
    "sandbox.put.ms.max",
    "sandbox.record.bytes.max",
    "sandbox.record.depth.max",
    "sandbox.record.headers.max",
    "sandbox.records.per.second.max",
    "sandbox.resources.max",
    "sandbox.restarts.backoff.max.ms",
    "sandbox.restarts.backoff.ms",
    "sandbox.restarts.max",
    "sandbox.restarts.window.ms",
    "sandbox.response.bytes.max",
    "sandbox.ssl.truststore.location",
    "sandbox.stack.bytes.max",
    "sandbox.start.ms.max",
    "sandbox.table.elements.max",
    "sandbox.transform.ms.max",
    "sandbox.trial.ms",
    "sandbox.validate.memory.bytes.max",
    "sandbox.validate.ms.max",
    "status.storage.partitions",
    "status.storage.replication.factor",
    "status.storage.topic",
    "task.in.flight.bytes.max",
    "task.in.flight.records.max",
    "task.shutdown.graceful.timeout.ms",
    "topic.creation.enable",
    "topic.tracking.allow.reset",
    "topic.tracking.enable",
    "value.converter",
];

/// Keys of Kafka Connect that are accepted, and whose meaning is kept without them or does not exist here.
pub(crate) const HARMLESS: &[&str] = &[
    "connect.protocol",
    "header.converter.plugin.version",
    "heartbeat.interval.ms",
    "internal.key.converter",
    "internal.key.converter.schemas.enable",
    "internal.value.converter",
    "internal.value.converter.schemas.enable",
    "key.converter.plugin.version",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "plugin.discovery",
    "rebalance.timeout.ms",
    "rest.advertised.host.name",
    "rest.advertised.listener",
    "rest.advertised.port",
    "scheduled.rebalance.max.delay.ms",
    "session.timeout.ms",
    "value.converter.plugin.version",
    "worker.sync.timeout.ms",
    "worker.unsync.backoff.ms",
];

/// Keys of Kafka Connect whose lack could surprise: each is a warning when it is set.
pub(crate) const WITHOUT_EFFECT: &[&str] = &[
    "exactly.once.source.support",
    "inter.worker.key.generation.algorithm",
    "inter.worker.key.size",
    "inter.worker.key.ttl.ms",
    "inter.worker.signature.algorithm",
    "inter.worker.verification.algorithms",
];

/// Client settings that producers, consumers and the admin client share.
pub(crate) const CLIENT_KEYS: &[&str] = &[
    "client.dns.lookup",
    "connections.max.idle.ms",
    "metadata.max.age.ms",
    "metadata.recovery.rebootstrap.trigger.ms",
    "metadata.recovery.strategy",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "send.buffer.bytes",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
];

/// What the keys of shared client settings begin with.
pub(crate) const CLIENT_PREFIXES: &[&str] = &["security.", "sasl.", "ssl."];

/// What further keys begin with that are passed on as they are.
const PREFIXES: &[&str] = &[
    "producer.",
    "consumer.",
    "admin.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "listeners.https.",
    // Checked when they are read.
    rules::RULE,
];

/// What is known of a worker's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// It does something, or nothing is lost without it.
    Yes,
    /// Kafka Connect has it, and it does nothing here.
    WithoutEffect,
    /// Nobody has it.
    No,
}

pub(crate) fn known(key: &str) -> Known {
    if WITHOUT_EFFECT.contains(&key) {
        Known::WithoutEffect
    } else if KEYS.contains(&key)
        || HARMLESS.contains(&key)
        || is_client_key(key)
        || is_provider_key(key)
        || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
    {
        Known::Yes
    } else {
        Known::No
    }
}

pub(crate) fn is_client_key(key: &str) -> bool {
    CLIENT_KEYS.contains(&key) || CLIENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}
