//! Tests of the worker's configuration.

use super::*;

fn keys(pairs: &[(&str, &str)]) -> Properties {
    let converters = [("key.converter", "K"), ("value.converter", "V")];
    converters
        .iter()
        .chain(pairs)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn standalone(pairs: &[(&str, &str)]) -> WorkerConfig {
    WorkerConfig::standalone(keys(pairs)).unwrap().0
}

fn refused(pairs: &[(&str, &str)]) -> String {
    WorkerConfig::standalone(keys(pairs))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_defaults_are_those_of_kafka_connect_but_for_the_listener() {
    let (config, warnings) = WorkerConfig::standalone(keys(&[])).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        config.bootstrap,
        Bootstrap::Embedded("tidegate-data".into())
    );
    assert!(!config.bootstrap_given);
    assert_eq!(
        config.listeners,
        [Listener {
            host: "127.0.0.1".into(),
            port: 8083,
            secure: false
        }]
    );
    assert_eq!(config.offset_flush_interval, Duration::from_secs(60));
    assert_eq!(config.offset_flush_timeout, Duration::from_secs(5));
    assert_eq!(config.task_shutdown_timeout, Duration::from_secs(5));
    assert_eq!(
        config.header_converter.class,
        "org.apache.kafka.connect.storage.SimpleHeaderConverter"
    );
    let names = [
        &config.offset_topic,
        &config.config_topic,
        &config.status_topic,
    ]
    .map(|topic| topic.name.as_str());
    assert_eq!(
        names,
        ["connect-offsets", "connect-configs", "connect-status"]
    );
    assert!(config.topic_creation_enable);
    assert_eq!(config.rest_policy, Policy::Strict);
}

#[test]
fn converters_are_required() {
    let error = WorkerConfig::standalone(Properties::new())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "Missing required configuration \"key.converter\" which has no default value."
    );
}

#[test]
fn bootstrap_names_a_cluster_or_a_folder() {
    let of = |servers| standalone(&[("bootstrap.servers", servers)]).bootstrap;
    assert_eq!(of("a:1, b:2"), Bootstrap::Kafka("a:1, b:2".into()));
    assert_eq!(of("embedded:/x/y"), Bootstrap::Embedded("/x/y".into()));
    for bad in ["a", "a:b", "a:1,", ":1", "embedded:", "a:70000"] {
        assert!(
            refused(&[("bootstrap.servers", bad)]).contains("bootstrap.servers"),
            "{bad}"
        );
    }
}

#[test]
fn client_settings_are_divided_by_their_prefix() {
    let config = standalone(&[
        ("security.protocol", "SSL"),
        ("request.timeout.ms", "1"),
        ("producer.linger.ms", "2"),
        ("consumer.fetch.min.bytes", "3"),
        ("admin.retries", "4"),
        ("admin.listeners", "http://127.0.0.1:0"),
    ]);
    assert_eq!(
        config.client.keys().collect::<Vec<_>>(),
        ["request.timeout.ms", "security.protocol"]
    );
    assert_eq!(config.producer["linger.ms"], "2");
    assert_eq!(config.consumer["fetch.min.bytes"], "3");
    assert_eq!(
        config.admin.len(),
        1,
        "admin.listeners is the REST server's"
    );
    assert_eq!(config.admin["retries"], "4");
}

#[test]
fn what_does_nothing_is_a_warning() {
    let (_, warnings) = WorkerConfig::standalone(keys(&[
        ("offset.storage.file.filename", "/tmp/connect.offsets"),
        ("bootstrap.server", "a:1"),
        ("plugin.discovery", "service_load"),
        ("inter.worker.key.size", "128"),
        ("config.providers", "file"),
        ("config.providers.file.class", "FileConfigProvider"),
        ("config.providers.file.param.secret", "x"),
        ("client.id", "${vault:a:b}"),
        ("group.id", "connect-cluster"),
        ("exactly.once.source.support", "disabled"),
        ("sandbox.poll.ms.maximum", "1"),
    ]))
    .unwrap();
    let keys: Vec<_> = warnings
        .iter()
        .map(|warning| warning.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "bootstrap.server",
            "config.providers.file.param.secret",
            "group.id",
            "inter.worker.key.size",
            "offset.storage.file.filename",
            "sandbox.poll.ms.maximum",
            "client.id",
        ]
    );
    assert!(
        warnings[2]
            .to_string()
            .contains("runs all of its connectors")
    );
    assert!(warnings[4].to_string().contains("offset topic"));
}

#[test]
fn wrong_values_are_refused_with_their_key() {
    for (key, bad) in [
        ("offset.flush.interval.ms", "0"),
        ("offset.flush.timeout.ms", "soon"),
        ("offset.storage.partitions", "0"),
        ("offset.storage.replication.factor", "99999"),
        ("status.storage.topic", "a b"),
        ("topic.creation.enable", "yes"),
        ("sandbox.memory.bytes.max", "-1"),
        ("sandbox.memory.bytes.max", "1000"),
        ("listeners", "ftp://:1"),
        ("rest.unauthenticated.beyond.loopback", "yes"),
        ("client.id", "a\u{0}"),
    ] {
        assert!(refused(&[(key, bad)]).contains(key), "{key}");
    }
}

#[test]
fn a_distributed_worker_names_its_group_and_topics() {
    let all = keys(&[
        ("bootstrap.servers", "a:1"),
        ("group.id", "g"),
        ("offset.storage.topic", "o"),
        ("config.storage.topic", "c"),
        ("status.storage.topic", "s"),
    ]);
    let config = WorkerConfig::distributed(all.clone()).unwrap().0;
    assert_eq!(
        (
            config.offset_topic.partitions,
            config.offset_topic.replication_factor
        ),
        (25, 3)
    );
    assert_eq!(
        (
            config.config_topic.partitions,
            config.status_topic.partitions
        ),
        (1, 5)
    );
    for key in [
        "bootstrap.servers",
        "group.id",
        "offset.storage.topic",
        "config.storage.topic",
        "status.storage.topic",
    ] {
        let mut less = all.clone();
        less.remove(key);
        assert!(
            WorkerConfig::distributed(less)
                .unwrap_err()
                .to_string()
                .contains(key)
        );
    }
}

#[test]
fn environment_variables_count_more_than_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.properties");
    std::fs::write(
        &path,
        "key.converter=K\nvalue.converter=V\nbootstrap.servers=file:1\n",
    )
    .unwrap();
    let env = [("CONNECT_BOOTSTRAP_SERVERS".to_owned(), "env:1".to_owned())];
    let (config, warnings) = WorkerConfig::from_file(&path, env).unwrap();
    assert_eq!(
        (config.bootstrap, warnings.len()),
        (Bootstrap::Kafka("env:1".into()), 0)
    );
    std::fs::write(&path, "key.converter=K\n").unwrap();
    let error = WorkerConfig::from_file(&path, []).unwrap_err().to_string();
    assert!(
        error.contains("worker.properties") && error.contains("value.converter"),
        "{error}"
    );
}

#[test]
fn the_rest_policy_is_strict_unless_lines_allow_more() {
    let policy = standalone(&[
        ("sandbox.policy.read", "/data, /more"),
        ("sandbox.policy.addresses", "db:5432"),
    ])
    .rest_policy;
    let Policy::Allow(allowed) = policy else {
        panic!("{policy:?}")
    };
    assert_eq!(
        (
            allowed.read.len(),
            allowed.write.len(),
            allowed.addresses.len()
        ),
        (2, 0, 1)
    );
}

#[test]
fn the_workers_three_topics_differ() {
    for key in [
        "offset.storage.topic",
        "status.storage.topic",
        "config.storage.topic",
    ] {
        let other = if key.starts_with("offset") {
            "connect-configs"
        } else {
            "connect-offsets"
        };
        let error = refused(&[(key, other)]);
        assert!(
            error.contains(other) && error.contains("each needs one of its own"),
            "{error}"
        );
    }
}

#[test]
fn a_variable_is_blamed_for_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.properties");
    std::fs::write(
        &path,
        "key.converter=K\nvalue.converter=V\nlisteners=http://:1\noffset.flush.interval.ms=0\n",
    )
    .unwrap();
    let env = |value: &str| [("CONNECT_LISTENERS".to_owned(), value.to_owned())];
    let error = WorkerConfig::from_file(&path, env("nowhere"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("CONNECT_LISTENERS") && error.contains("nowhere"),
        "{error}"
    );
    assert!(!error.contains("worker.properties"), "{error}");
    let error = WorkerConfig::from_file(&path, env("http://:2"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("worker.properties") && error.contains("offset.flush.interval.ms"),
        "{error}"
    );
}

#[test]
fn a_command_without_a_file_takes_the_variables() {
    let env = [
        ("CONNECT_BOOTSTRAP_SERVERS", "env:1"),
        ("CONNECT_PLUGIN_PATH", "/env/plugins"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let given = Properties::from([("plugin.path".to_owned(), "/given".to_owned())]);
    let (config, _) = WorkerConfig::from_variables(env, given).unwrap();
    assert_eq!(config.bootstrap, Bootstrap::Kafka("env:1".into()));
    assert_eq!(config.plugin_path, [PathBuf::from("/given")]);
}

#[test]
fn the_control_plane_is_known() {
    let config = standalone(&[
        ("listeners", "http://127.0.0.1:8083,http://[::1]:8084"),
        ("bootstrap.servers", "Broker:9092,PLAINTEXT://b:1"),
        (
            "value.converter.schema.registry.url",
            "http://registry:8081",
        ),
    ]);
    assert_eq!(
        config.control_plane(),
        [
            "127.0.0.1:8083",
            "[::1]:8084",
            "b:1",
            "broker:9092",
            "registry:8081"
        ]
    );
}
