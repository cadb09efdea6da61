//! Writes to the config topic that fail, or seem to.

use tidegate_broker::{Broker, EmbeddedBroker, EmbeddedSettings};
use tidegate_config::worker::WorkerConfig;
use tidegate_sandbox::Registry;
use tidegate_test_fakes::{FakeProducer, Fate};

use super::*;

struct Place {
    broker: Arc<EmbeddedBroker>,
    producer: Arc<FakeProducer>,
    actor: Actor,
    _folder: tempfile::TempDir,
}

impl Place {
    /// An actor with a stopped connector of a class that is not there.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opened = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default());
        let broker = Arc::new(opened.unwrap());
        let converter = "org.apache.kafka.connect.storage.StringConverter";
        let config =
            ["key.converter", "value.converter"].map(|key| (key.to_owned(), converter.to_owned()));
        let (config, _) = WorkerConfig::standalone(config.into()).unwrap();
        let shared = Arc::clone(&broker) as Arc<dyn Broker>;
        let worker = Worker::open(config, shared, Arc::<Registry>::default()).unwrap();
        let producer = FakeProducer::new(broker.producer(&Properties::new()).unwrap());
        let log = ConfigLog::open(
            broker.as_ref(),
            &(Arc::clone(&producer) as _),
            &worker.config().config_topic,
        );
        let board = Arc::new(StatusBoard::new("w:1".to_owned(), true));
        let connectors = Arc::new(Connectors::new(Arc::clone(&board)));
        connectors.insert(Connector::new(
            config_of("1"),
            Policy::Permissive,
            TargetState::Stopped,
            vec![],
        ));
        let (asks, _) = mpsc::channel(1);
        let actor = Actor::new(NewActor {
            worker: Arc::new(worker),
            log: log.unwrap().0,
            board,
            connectors,
            stored: Stored::new(),
            waiting: Stored::new(),
            asks,
        });
        Self {
            broker,
            producer,
            actor,
            _folder: folder,
        }
    }

    /// Whether writes are said to have failed, though they have not.
    fn set_away(&self, away: bool) {
        self.producer.set_others(if away {
            Fate::WrittenUnnoticed
        } else {
            Fate::Written
        });
    }

    /// What the config topic has of the connector.
    fn stored(&self) -> Option<crate::config_log::StoredConnector> {
        let producer = self.broker.producer(&Properties::new()).unwrap();
        let storage = &self.actor.worker.config().config_topic;
        let opened = ConfigLog::open(self.broker.as_ref(), &producer, storage);
        opened.unwrap().1.remove("c")
    }

    async fn put_again(&mut self) {
        self.try_put().await.unwrap();
    }

    async fn try_put(&mut self) -> Result<Created, HerderError> {
        let config = config_of("1");
        let put = Put {
            prepared: Prepared::of(&self.actor.worker, &config),
            config,
            policy: Policy::Permissive,
            mode: PutMode::CreateOrReplace,
            changed_from: None,
        };
        self.actor.put(put).await
    }
}

fn config_of(value: &str) -> ConnectorConfig {
    let entries = [("connector.class", "Missing"), ("key", value)];
    let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    ConnectorConfig::of("c", entries.map(own).into()).unwrap()
}

fn prepared(place: &Place) -> Option<Prepared> {
    Some(Prepared::of(&place.actor.worker, &config_of("1")))
}

fn name() -> ConnectorName {
    ConnectorName::parse("c").unwrap()
}

#[tokio::test]
async fn the_same_configuration_is_written_again_after_a_write_that_failed() {
    let mut place = Place::new().await;
    let same = |place: &Place| {
        let properties = config_of("1").properties;
        let has = |known: &Connector| known.has(&properties, &Policy::Permissive);
        place.actor.connectors.with(&name(), has).unwrap()
    };
    assert!(same(&place), "nothing would be written");
    place.set_away(true);
    assert!(place.actor.delete(&name()).await.is_err());
    place.set_away(false);
    assert!(!same(&place));
    place.put_again().await;
    assert!(same(&place));
    let stored = place.stored().unwrap();
    assert_eq!(stored.properties.unwrap()["key"], "1");
    assert_eq!(stored.target, Some(TargetState::Stopped));
    assert!(stored.from_command_line);
}

#[tokio::test]
async fn the_same_target_state_is_written_again_after_a_write_that_failed() {
    let mut place = Place::new().await;
    place.put_again().await;
    let target = |place: &Place| place.stored().unwrap().target;
    place.set_away(true);
    let paused = place
        .actor
        .set_target(&name(), TargetState::Paused, prepared(&place))
        .await;
    assert!(paused.is_err());
    assert_eq!(target(&place), Some(TargetState::Paused), "it was written");
    place.set_away(false);
    let stopped = place
        .actor
        .set_target(&name(), TargetState::Stopped, None)
        .await;
    stopped.unwrap();
    assert_eq!(target(&place), Some(TargetState::Stopped));
}

#[tokio::test]
async fn a_connector_that_waits_keeps_its_target_state_when_a_write_fails() {
    let mut place = Place::new().await;
    place.actor.connectors.remove(&name());
    let stored = place.actor.waiting.entry("c".to_owned()).or_default();
    stored.target = Some(TargetState::Paused);
    place.set_away(true);
    assert!(place.try_put().await.is_err());
    place.set_away(false);
    place.try_put().await.unwrap();
    let target = |known: &Connector| known.target;
    let target = place.actor.connectors.with(&name(), target).unwrap();
    assert_eq!(target, TargetState::Paused);
}
