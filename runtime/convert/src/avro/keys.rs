//! The converter's keys, with Confluent's names and defaults.

use tidegate_registry::config;

use super::options as key;
use crate::class::{Key, Reach};

const ANY: Key = Key::PLAIN;

const fn boolean(name: &'static str, default: &'static str, documentation: &'static str) -> Key {
    Key {
        name,
        kind: "BOOLEAN",
        default: Some(default),
        documentation,
        ..ANY
    }
}

const fn int(name: &'static str, default: &'static str, documentation: &'static str) -> Key {
    Key {
        name,
        kind: "INT",
        default: Some(default),
        documentation,
        ..ANY
    }
}

const fn secret(name: &'static str, documentation: &'static str) -> Key {
    Key {
        name,
        kind: "PASSWORD",
        documentation,
        ..ANY
    }
}

const fn text(name: &'static str, default: &'static str, documentation: &'static str) -> Key {
    Key {
        name,
        default: Some(default),
        documentation,
        ..ANY
    }
}

const fn file(name: &'static str, documentation: &'static str) -> Key {
    Key {
        name,
        documentation,
        reach: Reach::File,
        ..ANY
    }
}

/// The keys, in alphabetical order.
pub(crate) const AVRO_KEYS: &[Key] = &[
    boolean(
        key::OPTIONAL_KEYS,
        "false",
        "Whether a map whose keys are optional strings is an Avro map; else it is an array of entries.",
    ),
    boolean(
        key::AUTO_REGISTER,
        "true",
        "Whether the schemas of what is written are registered. It comes before use.schema.id and use.latest.version.",
    ),
    text(
        config::BASIC_AUTH_SOURCE,
        "URL",
        "Where user and password come from: URL, the address; USER_INFO, basic.auth.user.info.",
    ),
    secret(config::USER_INFO, "User and password, as user:password."),
    text(
        config::BEARER_AUTH_SOURCE,
        "STATIC_TOKEN",
        "Where the token comes from: STATIC_TOKEN, bearer.auth.token.",
    ),
    secret(
        config::BEARER_TOKEN,
        "A token that is sent instead of user and password.",
    ),
    boolean(
        key::META_DATA,
        "true",
        "Whether Avro schemas say what Connect's schemas say beyond Avro, as connect.name and the like.",
    ),
    boolean(
        key::DISCARD,
        "false",
        "Whether documentation and defaults are kept of fields only, as Avro has them, and not of types.",
    ),
    boolean(
        key::ENHANCED,
        "false",
        "Whether enums stay enums, and the branches of unions keep their namespaces.",
    ),
    boolean(
        key::FLATTEN,
        "true",
        "Whether a union of one type is read as that type.",
    ),
    boolean(
        key::SUM_TYPES,
        "false",
        "Whether enums and unions are as other converters of Confluent have them.",
    ),
    int(
        config::CONNECT_TIMEOUT_MS,
        "60000",
        "How long connecting to the registry may take.",
    ),
    int(
        config::READ_TIMEOUT_MS,
        "60000",
        "How long an answer of the registry may take.",
    ),
    boolean(
        key::ID_STRICT,
        "true",
        "Has no effect: values that the schema of use.schema.id cannot take are refused.",
    ),
    boolean(
        key::IGNORE_DEFAULT,
        "false",
        "Whether null stays null in a field that has a default; one that is not optional has no null then.",
    ),
    text(
        key::KEY_STRATEGY,
        "TopicNameStrategy",
        "How the subject of keys is named: TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy.",
    ),
    int(
        config::LATEST_CACHE_TTL,
        "-1",
        "For how many seconds the latest schema is taken to be the latest; -1: for ever.",
    ),
    boolean(
        key::LATEST_STRICT,
        "true",
        "Has no effect: values that the latest schema cannot take are refused.",
    ),
    int(
        config::MAX_RETRIES,
        "3",
        "How often a request is tried again when the registry is away or busy.",
    ),
    boolean(
        key::NORMALIZE,
        "false",
        "Whether the registry brings schemas into one form before it compares them.",
    ),
    int(
        config::RETRIES_MAX_WAIT_MS,
        "20000",
        "The longest wait before a request is tried again.",
    ),
    int(
        config::RETRIES_WAIT_MS,
        "1000",
        "The wait before a request is tried again for the first time; it doubles.",
    ),
    secret(
        "schema.registry.basic.auth.user.info",
        "The same as basic.auth.user.info, and counts more.",
    ),
    file(
        "schema.registry.ssl.keystore.location",
        "A PEM file with the client's certificates and private key.",
    ),
    file(
        "schema.registry.ssl.truststore.location",
        "A PEM file with the certificates that the registry's goes back to. Else the system's count.",
    ),
    Key {
        name: config::URL,
        kind: "LIST",
        required: true,
        importance: "HIGH",
        documentation: "The addresses of the schema registry, separated by commas. When one does not answer, the next is asked.",
        reach: Reach::Url,
        ..ANY
    },
    boolean(
        config::URL_RANDOMIZE,
        "false",
        "Whether any of the addresses is asked first.",
    ),
    int(
        key::CACHE,
        "1000",
        "The most schemas that are kept in their parsed form.",
    ),
    boolean(
        key::SCRUB,
        "false",
        "Whether characters that Avro does not allow in names are replaced.",
    ),
    file(
        config::KEYSTORE,
        "The same as schema.registry.ssl.keystore.location, which counts more.",
    ),
    file(
        config::TRUSTSTORE,
        "The same as schema.registry.ssl.truststore.location, which counts more.",
    ),
    boolean(
        key::USE_LATEST,
        "false",
        "Whether values are written with the latest schema of the subject. Needs auto.register.schemas=false.",
    ),
    int(
        key::USE_SCHEMA_ID,
        "-1",
        "The id of the schema that values are written with. Needs auto.register.schemas=false.",
    ),
    text(
        key::VALUE_STRATEGY,
        "TopicNameStrategy",
        "How the subject of values is named: TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy.",
    ),
];
