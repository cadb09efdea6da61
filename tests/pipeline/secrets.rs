//! Secrets that config providers give: plugins get them, and nothing shows them, whatever a plugin says.

use std::path::Path;

use serde_json::{Value, json};

use crate::guests::add_guests;
use crate::support::{Broker, Place, Rest, lines, tidegate, wait_for};

/// What must not be seen, each in a piece that no other text has.
const CANARIES: [&str; 6] = [
    "canary-file",
    "canary-dir-one",
    "canary-dir-two",
    "canary-env",
    "canary-bare",
    "canary-clear",
];

struct Secrets {
    place: Place,
    folder: String,
}

impl Secrets {
    fn new() -> Self {
        let mut place = Place::new(Broker::Embedded);
        let folder = place.path("secrets");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("db.properties"),
            "password=canary-file\"7\\\\x\n",
        )
        .unwrap();
        std::fs::write(folder.join("token"), "canary-dir-one\ncanary-dir-two\n").unwrap();
        std::fs::write(place.path("outside.properties"), "x=canary-outside\n").unwrap();
        let folder = folder.to_str().unwrap().to_owned();
        add_guests(&place, &["tidegate-test-guests"]);
        let provider = "org.apache.kafka.common.config.provider.";
        for line in [
            "config.providers=file,dir,env".to_owned(),
            format!("config.providers.file.class={provider}FileConfigProvider"),
            format!("config.providers.file.param.allowed.paths={folder}"),
            "config.providers.file.param.ttl.ms=1000".to_owned(),
            format!("config.providers.dir.class={provider}DirectoryConfigProvider"),
            format!("config.providers.dir.param.allowed.paths={folder}"),
            format!("config.providers.env.class={provider}EnvVarConfigProvider"),
            "config.providers.env.param.allowlist.pattern=TG_.*".to_owned(),
            "config.variables.allowlist.pattern=CONNECT_TG_.*".to_owned(),
            // The worker's own keys may have references too.
            "offset.flush.interval.ms=${env:TG_INTERVAL}".to_owned(),
            format!("sandbox.policy.write={}", place.path("").display()),
        ] {
            place.add_worker_key(&line);
        }
        place.set_variable("TG_SECRET", "canary-env 8");
        place.set_variable("TG_INTERVAL", "150");
        place.set_variable("CONNECT_TG_BARE", "canary-bare");
        Self { place, folder }
    }

    /// A connector that tells all that it knows, in the way that `say` names.
    fn teller(&self, say: &str) -> Value {
        let folder = &self.folder;
        json!({
            "connector.class": "test.TellsSecrets",
            "password": format!("${{file:{folder}/db.properties:password}}"),
            "plain": format!("a=${{dir:{folder}:token}};b=${{env:TG_SECRET}}"),
            "bare": "${CONNECT_TG_BARE}",
            "topic.format": "${topic}-${timestamp}",
            "out": self.place.path(&format!("out-{say}")),
            "say": say,
        })
    }
}

/// Every answer that a client can get of the connectors.
fn all_answers(rest: &Rest, connectors: &[&str]) -> String {
    let get = |path: &str| rest.send("GET", path, None).1.to_string();
    let mut seen = get("/connectors?expand=info&expand=status");
    for name in connectors {
        for part in [
            "",
            "/config",
            "/status",
            "/tasks",
            "/tasks/0/status",
            "/topics",
        ] {
            seen.push_str(&get(&format!("/connectors/{name}{part}")));
        }
    }
    seen
}

/// What all files of a folder hold, but for those that hold secrets on purpose.
fn all_files(folder: &Path, seen: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "secrets" || name == "plugins" || name.starts_with("out") {
            continue;
        }
        if path.is_dir() {
            all_files(&path, seen);
        } else {
            seen.extend(std::fs::read(&path).unwrap());
        }
    }
}

fn assert_hidden(seen: &str, canaries: &[&str], place: &str) {
    for canary in canaries {
        let around = seen.find(canary).map(|at| {
            let before: String = seen[..at].chars().rev().take(200).collect();
            before.chars().rev().collect::<String>()
        });
        assert_eq!(around, None, "{canary} is in {place}, behind this");
    }
}

#[test]
fn what_providers_give_reaches_plugins_and_is_shown_nowhere() {
    let secrets = Secrets::new();
    let place = &secrets.place;
    let worker = place.start();
    let rest = place.rest();
    let mut seen = String::new();
    let says = ["nothing", "start", "trap", "poll", "fails"];
    for say in says {
        let mut config = secrets.teller(say);
        if say == "fails" {
            let more = json!({
                "transforms": "t", "transforms.t.type": "test.TellsSecrets",
                "transforms.t.password": config["password"], "transforms.t.plain": config["plain"],
                "errors.tolerance": "all", "errors.log.enable": "true", "errors.log.include.messages": "true",
                "errors.deadletterqueue.topic.name": place.topic("dlq"),
                "errors.deadletterqueue.topic.replication.factor": "1",
                "errors.deadletterqueue.context.headers.enable": "true",
            });
            config
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
        }
        let (status, answer) = rest.send("PUT", &format!("/connectors/{say}/config"), Some(config));
        assert_eq!(status, 201, "{answer}");
        seen.push_str(&answer.to_string());
    }
    // A password that is written out is shown where the configuration is, as in Kafka Connect, and nowhere else.
    let mut clear = secrets.teller("start");
    clear["password"] = json!("canary-clear");
    assert_eq!(
        rest.send("PUT", "/connectors/clear/config", Some(clear.clone()))
            .0,
        201
    );
    for (say, state) in [
        ("nothing", "RUNNING"),
        ("start", "FAILED"),
        ("trap", "FAILED"),
        ("poll", "FAILED"),
        ("fails", "RUNNING"),
        ("clear", "FAILED"),
    ] {
        let status = rest.wait_for_task(say, state);
        assert_hidden(&status.to_string(), &CANARIES, "a status");
        if state == "FAILED" {
            assert!(status.to_string().contains("[hidden]"), "{status}");
        }
    }
    let mut validated = secrets.teller("validate");
    validated["name"] = json!("v");
    let path = "/connector-plugins/test.TellsSecrets/config/validate";
    let (status, answer) = rest.send("PUT", path, Some(validated.clone()));
    assert_eq!(
        (status, &answer["error_count"]),
        (200, &json!(1)),
        "{answer}"
    );
    assert!(answer.to_string().contains("told [hidden]"), "{answer}");
    assert_eq!(answer["groups"][7], "Login", "{answer}");
    let of = |name: &str| {
        let configs = answer["configs"].as_array().unwrap().iter();
        configs
            .clone()
            .find(|config| config["value"]["name"] == name)
            .unwrap()
            .clone()
    };
    let (password, say) = (of("password"), of("say"));
    assert_eq!(password["definition"]["display_name"], "Your password");
    assert_eq!(
        (
            &password["definition"]["order_in_group"],
            &password["value"]["value"]
        ),
        (&json!(1), &json!("[hidden]"))
    );
    assert_eq!(say["value"]["recommended_values"], json!(["start", "trap"]));
    assert_eq!(
        (
            &say["definition"]["order_in_group"],
            &say["definition"]["width"]
        ),
        (&json!(2), &json!("SHORT"))
    );
    seen.push_str(&answer.to_string());
    validated["name"] = json!("validate");
    let (status, answer) = rest.send("PUT", "/connectors/validate/config", Some(validated));
    assert_eq!(status, 400, "{answer}");
    seen.push_str(&answer.to_string());

    // The guest had them.
    let given = || lines(&place.path("out-nothing"));
    wait_for(
        "what the guest was given",
        || place.log(),
        || given().len() >= 5,
    );
    let given = given().join("\n");
    for canary in [
        "canary-file\"7\\x",
        "canary-dir-one\ncanary-dir-two;b=canary-env 8",
        "canary-bare",
        "<a=canary-dir",
    ] {
        assert!(given.contains(canary), "{canary} in {given}");
    }
    wait_for(
        "dead letters",
        || place.log(),
        || place.log().contains("Error encountered in task fails-0"),
    );
    seen.push_str(&all_answers(&rest, &says));
    assert!(
        seen.contains("${CONNECT_TG_BARE}") && seen.contains(":password}"),
        "{seen}"
    );
    assert_hidden(&seen, &CANARIES[..5], "REST");
    assert!(worker.stop().code().is_some());

    let mut topics = String::new();
    for topic in ["configs", "status", "dlq"] {
        let consumed = tidegate()
            .current_dir(place.path(""))
            .args(["consume", &place.topic(topic), "--json"])
            .arg(format!(
                "--bootstrap-servers=embedded:{}",
                place.path("topics").display()
            ))
            .output()
            .unwrap();
        assert!(
            consumed.status.success() && !consumed.stdout.is_empty(),
            "{topic}: {consumed:?}"
        );
        topics.push_str(&String::from_utf8_lossy(&consumed.stdout));
    }
    assert!(
        topics.contains("__connect.errors.exception.message"),
        "{topics}"
    );
    assert!(topics.contains("${CONNECT_TG_BARE}"), "{topics}");
    assert_hidden(&topics, &CANARIES[..5], "topics");
    assert_hidden(&place.log(), &CANARIES, "the log");
    assert!(place.log().contains("told [hidden]"), "{}", place.log());
    let mut files = Vec::new();
    all_files(&place.path(""), &mut files);
    assert_hidden(&String::from_utf8_lossy(&files), &CANARIES[..5], "a file");
}

#[test]
fn a_connector_starts_again_when_what_a_provider_gives_changes() {
    let secrets = Secrets::new();
    let place = &secrets.place;
    let worker = place.start();
    let rest = place.rest();
    for (say, reload) in [("nothing", "restart"), ("never", "none")] {
        let mut config = secrets.teller(say);
        config["config.action.reload"] = json!(reload);
        let (status, answer) = rest.send("PUT", &format!("/connectors/{say}/config"), Some(config));
        assert_eq!(status, 201, "{answer}");
        rest.wait_for_task(say, "RUNNING");
    }
    let file = place.path("secrets/db.properties");
    std::fs::write(&file, "password=canary-changed\n").unwrap();
    wait_for(
        "the new password",
        || place.log(),
        || lines(&place.path("out-nothing")).contains(&"canary-changed".to_owned()),
    );
    assert!(!lines(&place.path("out-never")).contains(&"canary-changed".to_owned()));
    rest.wait_for_task("nothing", "RUNNING");
    assert_hidden(&place.log(), &["canary"], "the log");
    // A restart resolves anew, whatever made it.
    assert_eq!(
        rest.send("POST", "/connectors/never/restart?includeTasks=true", None)
            .0,
        202
    );
    wait_for(
        "the new password",
        || place.log(),
        || lines(&place.path("out-never")).contains(&"canary-changed".to_owned()),
    );
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn what_may_not_be_read_is_refused_with_key_and_rule() {
    let secrets = Secrets::new();
    let place = &secrets.place;
    std::os::unix::fs::symlink(place.path("outside.properties"), place.path("secrets/link"))
        .unwrap();
    let folder = &secrets.folder;
    let worker = place.start();
    let rest = place.rest();
    for (reference, rule) in [
        (
            "${file:/etc/passwd:x}".to_owned(),
            "config.providers.file.param.allowed.paths",
        ),
        (
            format!("${{file:{folder}/../outside.properties:x}}"),
            "config.providers.file.param.allowed.paths",
        ),
        (
            format!("${{file:{folder}/link:x}}"),
            "config.providers.file.param.allowed.paths",
        ),
        (
            "${dir:/etc:passwd}".to_owned(),
            "config.providers.dir.param.allowed.paths",
        ),
        (
            "${env:HOME}".to_owned(),
            "config.providers.env.param.allowlist.pattern",
        ),
    ] {
        let mut config = secrets.teller("nothing");
        config["plain"] = json!(reference);
        let (status, answer) = rest.send("PUT", "/connectors/refused/config", Some(config.clone()));
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{answer}");
        assert!(
            message.contains("configuration plain: ") && message.contains(&reference),
            "{message}"
        );
        assert!(
            message.contains(rule) && !message.contains("canary"),
            "{message}"
        );
        config["name"] = json!("v");
        let path = "/connector-plugins/test.TellsSecrets/config/validate";
        let (_, answer) = rest.send("PUT", path, Some(config));
        assert_eq!(answer["error_count"], 1, "{answer}");
    }
    assert_eq!(rest.send("GET", "/connectors/refused", None).0, 404);
    assert!(worker.stop().success(), "{}", place.log());
}

#[test]
fn a_worker_whose_own_reference_is_refused_does_not_start() {
    let secrets = Secrets::new();
    secrets
        .place
        .add_worker_key("producer.client.id=${env:HOME}");
    let output = secrets.place.run_until_idle();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("producer.client.id")
            && text.contains("config.providers.env.param.allowlist.pattern"),
        "{text}"
    );
}
