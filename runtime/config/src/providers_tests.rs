use super::*;

fn properties(pairs: &[(&str, &str)]) -> Properties {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

const FILE: &str = "org.apache.kafka.common.config.provider.FileConfigProvider";
const DIRECTORY: &str = "org.apache.kafka.common.config.provider.DirectoryConfigProvider";
const ENVIRONMENT: &str = "org.apache.kafka.common.config.provider.EnvVarConfigProvider";

struct Place {
    folder: tempfile::TempDir,
    keys: Properties,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let allowed = folder.path().join("allowed");
        std::fs::create_dir(&allowed).unwrap();
        std::fs::write(
            allowed.join("db.properties"),
            "user=joe\npassword=canary=1:2\nempty=\n",
        )
        .unwrap();
        std::fs::write(allowed.join("token"), "canary-token\n").unwrap();
        std::fs::write(
            folder.path().join("outside.properties"),
            "x=canary-outside\n",
        )
        .unwrap();
        let allowed = allowed.to_str().unwrap();
        let keys = properties(&[
            ("config.providers", "file, dir,env"),
            ("config.providers.file.class", FILE),
            ("config.providers.file.param.allowed.paths", allowed),
            ("config.providers.file.param.ttl.ms", "5000"),
            ("config.providers.dir.class", DIRECTORY),
            ("config.providers.dir.param.allowed.paths", allowed),
            ("config.providers.env.class", ENVIRONMENT),
            ("config.providers.env.param.allowlist.pattern", "APP_.*"),
            (VARIABLES_ALLOWED, "CONNECT_.*"),
        ]);
        Self { folder, keys }
    }

    fn providers(&self) -> Providers {
        let env = [
            ("APP_TOKEN", "canary-app"),
            ("CONNECT_DB_PASSWORD", "canary-db"),
            ("HOME", "/canary-home"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Providers::of(&self.keys, &env.into()).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn one(&self, value: &str) -> Result<String, String> {
        let resolved = self.providers().resolve(&properties(&[("k", value)]));
        let resolved = resolved.map_err(|error| error.to_string())?;
        Ok(resolved.properties()["k"].clone())
    }
}

#[test]
fn references_are_resolved_where_they_stand() {
    let place = Place::new();
    let file = place.path("allowed/db.properties");
    let folder = place.path("allowed");
    for (written, wanted) in [
        (format!("${{file:{file}:user}}"), "joe"),
        (
            format!("jdbc:x?u=${{file:{file}:user}}&p=${{file:{file}:password}}&z"),
            "jdbc:x?u=joe&p=canary=1:2&z",
        ),
        (format!("[${{file:{file}:empty}}]"), "[]"),
        (format!("${{dir:{folder}:token}}"), "canary-token"),
        ("${env:APP_TOKEN}".to_owned(), "canary-app"),
        ("${env::APP_TOKEN}".to_owned(), "canary-app"),
        ("a ${CONNECT_DB_PASSWORD}".to_owned(), "a canary-db"),
        // Text, as in Kafka Connect, or because nothing allows it.
        ("${topic}-${timestamp}".to_owned(), "${topic}-${timestamp}"),
        ("${HOME}".to_owned(), "${HOME}"),
        ("${vault:a:b} $ ${ {x}".to_owned(), "${vault:a:b} $ ${ {x}"),
        ("${x${env:APP_TOKEN}".to_owned(), "${x${env:APP_TOKEN}"),
    ] {
        assert_eq!(place.one(&written).as_deref(), Ok(wanted), "{written}");
    }
}

#[test]
fn what_may_not_be_read_is_refused_with_key_and_rule() {
    let place = Place::new();
    let outside = place.path("outside.properties");
    let file = place.path("allowed/db.properties");
    let folder = place.path("allowed");
    std::os::unix::fs::symlink(&outside, place.path("allowed/link")).unwrap();
    for (written, rule) in [
        (
            "${file:/etc/passwd:x}".to_owned(),
            "config.providers.file.param.allowed.paths",
        ),
        (
            format!("${{file:{outside}:x}}"),
            "config.providers.file.param.allowed.paths",
        ),
        (
            format!("${{file:{folder}/link:x}}"),
            "config.providers.file.param.allowed.paths",
        ),
        (
            format!("${{file:{folder}/../outside.properties:x}}"),
            "config.providers.file.param.allowed.paths",
        ),
        (
            "${dir:/etc:passwd}".to_owned(),
            "config.providers.dir.param.allowed.paths",
        ),
        (
            format!("${{dir:{folder}:../outside.properties}}"),
            "the name of a file",
        ),
        (
            "${env:HOME}".to_owned(),
            "config.providers.env.param.allowlist.pattern",
        ),
        ("${env:APP_NONE}".to_owned(), "not set"),
        (
            "${env:path:APP_TOKEN}".to_owned(),
            "Path is not supported for EnvVarConfigProvider",
        ),
        ("${CONNECT_NONE}".to_owned(), "not set"),
        (format!("${{file:{file}:none}}"), "does not have this key"),
        (format!("${{dir:{folder}:none}}"), "not there"),
        (
            "${file::x}".to_owned(),
            "config.providers.file.param.allowed.paths",
        ),
        (
            "${file:x}".to_owned(),
            "config.providers.file.param.allowed.paths",
        ),
    ] {
        let refused = place.one(&written).unwrap_err();
        assert!(
            refused.starts_with("Invalid value for configuration k: "),
            "{refused}"
        );
        assert!(refused.contains(rule), "{written}: {refused}");
        assert!(!refused.contains("canary"), "{written}: {refused}");
    }
}

#[test]
fn nothing_is_read_without_an_allow_list() {
    let keys = properties(&[
        ("config.providers", "file,env"),
        ("config.providers.file.class", "FileConfigProvider"),
        ("config.providers.env.class", "EnvVarConfigProvider"),
    ]);
    let env = BTreeMap::from([("HOME".to_owned(), "canary".to_owned())]);
    let providers = Providers::of(&keys, &env).unwrap();
    for written in ["${file:/etc/hostname:x}", "${env:HOME}"] {
        let error = providers
            .resolve(&properties(&[("k", written)]))
            .unwrap_err();
        assert_eq!(error.key(), Some("k"));
        assert!(error.to_string().contains("is not set"), "{error}");
    }
    let kept = providers.resolve(&properties(&[("k", "${HOME}")])).unwrap();
    assert_eq!(kept.properties()["k"], "${HOME}");
}

#[test]
fn providers_that_cannot_work_are_refused_by_key() {
    for (pairs, key) in [
        (vec![("config.providers", "a")], "config.providers.a.class"),
        (
            vec![
                ("config.providers", "a,,b"),
                ("config.providers.a.class", FILE),
            ],
            "config.providers",
        ),
        (
            vec![
                ("config.providers", "a"),
                ("config.providers.a.class", "com.example.Vault"),
            ],
            "config.providers.a.class",
        ),
        (
            vec![
                ("config.providers", "a"),
                ("config.providers.a.class", FILE),
                ("config.providers.a.param.allowed.paths", "x"),
            ],
            "config.providers.a.param.allowed.paths",
        ),
        (
            vec![
                ("config.providers", "a"),
                ("config.providers.a.class", ENVIRONMENT),
                ("config.providers.a.param.allowlist.pattern", "("),
            ],
            "config.providers.a.param.allowlist.pattern",
        ),
        (
            vec![
                ("config.providers", "a"),
                ("config.providers.a.class", FILE),
                ("config.providers.a.param.ttl.ms", "0"),
            ],
            "config.providers.a.param.ttl.ms",
        ),
        (vec![(VARIABLES_ALLOWED, "(")], VARIABLES_ALLOWED),
    ] {
        let error = Providers::of(&properties(&pairs), &BTreeMap::new()).unwrap_err();
        assert_eq!(error.key(), Some(key), "{error}");
    }
}

#[test]
fn what_a_task_gets_is_stored_as_it_was_written() {
    let place = Place::new();
    let file = place.path("allowed/db.properties");
    let password = format!("${{file:{file}:password}}");
    let written = properties(&[
        ("name", "${env:APP_TOKEN}"),
        ("url", &format!("jdbc:x?p={password}")),
        ("other", "x"),
    ]);
    let resolved = place.providers().resolve(&written).unwrap();
    assert_eq!(
        resolved.properties()["name"],
        "${env:APP_TOKEN}",
        "a name is not resolved"
    );
    assert!(resolved.is_provided("url") && !resolved.is_provided("other"));
    assert_eq!(resolved.written("url"), Some(written["url"].as_str()));
    assert_eq!(resolved.ttl(), Some(Duration::from_secs(5)));
    assert!(!format!("{resolved:?}").contains("canary"));

    let made = properties(&[
        ("url", &resolved.properties()["url"]),
        ("part", "only canary=1:2 of it"),
        ("asked", "${env:APP_TOKEN} ${"),
        ("other", "x"),
    ]);
    let stored = resolved.unresolve(made.clone());
    assert_eq!(stored["url"], written["url"]);
    assert_eq!(stored["part"], format!("only {password} of it"));
    assert!(!format!("{stored:?}").contains("canary"));
    // A plugin's own reference is text: it stands in no value of the operator's.
    assert_eq!(resolved.fill_in(&stored), made);
    assert_eq!(
        resolved.secrets().redact("with canary=1:2"),
        "with [hidden]"
    );
}

#[test]
fn a_reference_within_a_text_that_looks_like_one_stays_text() {
    let place = Place::new();
    let written = properties(&[
        ("name", "${env:APP_TOKEN}"),
        ("url", "${env:APP_TOKEN} ${none:a:${env:APP_TOKEN}"),
        ("text", "${none:a:${env:APP_TOKEN}"),
    ]);
    let resolved = place.providers().resolve(&written).unwrap();
    let wanted = "canary-app ${none:a:${env:APP_TOKEN}";
    assert_eq!(resolved.properties()["url"], wanted);
    let stored = resolved.unresolve(resolved.properties().clone());
    assert_eq!(stored, written);
    assert_eq!(&resolved.fill_in(&stored), resolved.properties());
}

#[test]
fn what_a_plugin_left_as_it_was_stands_there_as_it_was_written() {
    let place = Place::new();
    let written = properties(&[
        ("url", "${env:APP_TOKEN}"),
        ("text", "canary-app ${none:${env:APP_TOKEN}"),
    ]);
    let resolved = place.providers().resolve(&written).unwrap();
    assert_eq!(resolved.properties()["text"], written["text"]);
    let stored = resolved.unresolve(resolved.properties().clone());
    assert_eq!(stored, written);
    assert_eq!(&resolved.fill_in(&stored), resolved.properties());
}

#[test]
fn the_number_of_what_was_given_changes_with_it() {
    let place = Place::new();
    let file = place.path("allowed/db.properties");
    let written = properties(&[("p", &format!("${{file:{file}:password}}"))]);
    let first = place.providers().resolve(&written).unwrap().fingerprint();
    assert_eq!(
        first,
        place.providers().resolve(&written).unwrap().fingerprint()
    );
    std::fs::write(&file, "password=other\n").unwrap();
    assert_ne!(
        first,
        place.providers().resolve(&written).unwrap().fingerprint()
    );
}

#[test]
fn sizes_are_limited() {
    let place = Place::new();
    let big = place.path("allowed/big");
    std::fs::write(&big, "x".repeat(PROVIDED_BYTES_MAX)).unwrap();
    let folder = place.path("allowed");
    let reference = format!("${{dir:{folder}:big}}");
    assert!(place.one(&reference).is_ok());
    assert!(
        place
            .one(&reference.repeat(17))
            .unwrap_err()
            .contains("1048576 bytes")
    );
    std::fs::write(&big, "x".repeat(PROVIDED_BYTES_MAX + 1)).unwrap();
    assert!(place.one(&reference).unwrap_err().contains("65536 bytes"));
    let many = "${env:APP_TOKEN}".repeat(REFERENCES_MAX + 1);
    assert!(place.one(&many).unwrap_err().contains("1000 references"));
    std::fs::write(&big, "a\u{1}b").unwrap();
    let refused = place.one(&reference).unwrap_err();
    assert!(refused.contains("control character"), "{refused}");
}
