//! A Kafka that wants passwords and certificates, with worker properties as an operator of Kafka Connect writes them.
//!
//! `TIDEGATE_TEST_KAFKA_SECURE` names the folder that `tests/kafka/kafka.sh` made with `KAFKA_SECURE=1`; what is in
//! it says `tests/kafka/secure.sh`.

use std::path::PathBuf;
use std::process::Output;

use crate::support::{Broker, Place, lines, text, tidegate};

/// The secured listeners of a test Kafka.
struct Secured(PathBuf);

impl Secured {
    fn of_environment() -> Option<Self> {
        let folder = std::env::var_os("TIDEGATE_TEST_KAFKA_SECURE");
        if folder.is_none() {
            println!("Left out: TIDEGATE_TEST_KAFKA_SECURE is not set. `make test-kafka` sets it.");
        }
        folder.map(|folder| Self(folder.into()))
    }

    fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.0.join(name)).unwrap();
        text.trim().to_owned()
    }

    /// A place whose worker uses a listener, with these security settings for itself and for its tasks' clients.
    fn place(&self, listener: &str, settings: &[(&str, &str)]) -> Place {
        let mut place = Place::new(Broker::Kafka(self.read(listener)));
        for (key, value) in settings {
            for prefix in ["", "producer.", "consumer.", "admin."] {
                place.add_worker_key(&format!("{prefix}{key}={value}"));
            }
        }
        std::fs::write(place.path("in"), "a\nb\n").unwrap();
        place.file_source(&place.path("in"), "lines");
        place.file_sink(&place.path("out"), "lines", "");
        place
    }

    fn ca(&self) -> String {
        self.0.join("ca.pem").to_str().unwrap().to_owned()
    }

    /// A place whose worker says this user and password.
    fn with_password(&self, mechanism: &str, module: &str, password: &str) -> Place {
        let jaas = format!(
            "org.apache.kafka.common.security.{module} required username=\"tidegate\" password=\"{password}\";"
        );
        self.place(
            "sasl_ssl",
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", mechanism),
                ("sasl.jaas.config", &jaas),
                ("ssl.truststore.type", "PEM"),
                ("ssl.truststore.location", &self.ca()),
            ],
        )
    }
}

fn assert_says_no_secret(said: &str, secret: &str) {
    assert!(!said.contains(secret), "a secret was said:\n{said}");
}

fn lines_arrive(place: &Place) -> String {
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(lines(&place.path("out")), ["a", "b"], "{}", text(&output));
    text(&output)
}

/// The worker did not start; it says why and which keys to look at.
fn assert_refused(output: &Output, wanted: &[&str]) {
    let said = text(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted:?} was wanted in:\n{said}");
    }
}

#[test]
fn records_pass_a_kafka_with_tls_and_a_password() {
    let Some(secured) = Secured::of_environment() else {
        return;
    };
    let password = secured.read("password");
    for (mechanism, module) in [
        ("PLAIN", "plain.PlainLoginModule"),
        ("SCRAM-SHA-256", "scram.ScramLoginModule"),
    ] {
        let place = secured.with_password(mechanism, module, &password);
        assert_says_no_secret(&lines_arrive(&place), &password);
        let topics = tidegate()
            .args(["topics", "--worker"])
            .arg(place.path("worker.properties"))
            .output()
            .unwrap();
        assert!(text(&topics).contains(&place.topic("lines")));
        assert_says_no_secret(&text(&topics), &password);
    }
}

#[test]
fn records_pass_a_kafka_that_wants_a_client_certificate() {
    let Some(secured) = Secured::of_environment() else {
        return;
    };
    let client = secured.0.join("client.pem");
    let place = secured.place(
        "ssl",
        &[
            ("security.protocol", "SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &secured.ca()),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", client.to_str().unwrap()),
        ],
    );
    lines_arrive(&place);
}

#[test]
fn a_password_that_kafka_refuses_ends_the_start_with_the_key_to_look_at() {
    let Some(secured) = Secured::of_environment() else {
        return;
    };
    let place = secured.with_password("PLAIN", "plain.PlainLoginModule", "wrong-secret");
    let output = place.run_until_idle();
    assert_refused(
        &output,
        &["Invalid username or password", "sasl.jaas.config"],
    );
    assert_says_no_secret(&text(&output), "wrong-secret");
}

#[test]
fn a_kafka_that_is_not_trusted_or_does_not_trust_ends_the_start_with_the_keys_to_look_at() {
    let Some(secured) = Secured::of_environment() else {
        return;
    };
    let wanted = ["ssl.truststore.location", "ssl.keystore.location"];
    let stranger = secured.place("ssl", &[("security.protocol", "SSL")]);
    assert_refused(&stranger.run_until_idle(), &wanted);
    let no_certificate = secured.place(
        "ssl",
        &[
            ("security.protocol", "SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &secured.ca()),
        ],
    );
    assert_refused(&no_certificate.run_until_idle(), &wanted);
}

#[test]
fn a_jks_store_is_refused_with_the_command_that_converts_it() {
    let place = Place::new(Broker::Kafka("127.0.0.1:1".to_owned()));
    let store = place.path("truststore.jks");
    std::fs::write(&store, [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]).unwrap();
    place.add_worker_key("security.protocol=SASL_SSL");
    place.add_worker_key(&format!("ssl.truststore.location={}", store.display()));
    place.add_worker_key("ssl.truststore.password=changeit");
    let output = place.run_until_idle();
    assert_refused(&output, &["ssl.truststore.location", "keytool -list -rfc"]);
    assert_says_no_secret(&text(&output), "changeit");
}
