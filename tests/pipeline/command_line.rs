//! The commands beside `standalone`.

use serde_json::Value;

use crate::support::{Broker, Place, plugins, text, tidegate};

#[test]
fn plugins_are_listed_with_what_they_are() {
    let folder = plugins();
    let list = tidegate()
        .args(["plugins", "--json", "--plugin-path"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(list.status.success(), "{}", text(&list));
    let list: Vec<Value> = serde_json::from_slice(&list.stdout).unwrap();
    let find = |class: &str| {
        list.iter()
            .find(|plugin| plugin["class"] == class)
            .unwrap_or(&Value::Null)
    };
    let source = find("org.apache.kafka.connect.file.FileStreamSourceConnector");
    assert_eq!(source["type"], "source");
    assert_eq!(source["digest"].as_str().map(str::len), Some(64));
    assert!(
        source["config"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["name"] == "file")
    );
    assert_eq!(
        find("org.apache.kafka.connect.transforms.InsertField$Value")["type"],
        "transformation"
    );
    assert_eq!(
        find("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone")["type"],
        "predicate"
    );

    let table = tidegate()
        .args(["plugins", "--plugin-path"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(text(&table).contains("RegexRouter"), "{}", text(&table));
    let one = tidegate()
        .args(["plugins", "FileStreamSink", "--plugin-path"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(text(&one).contains("file"), "{}", text(&one));
    let none = tidegate()
        .args(["plugins", "NoSuch", "--plugin-path"])
        .arg(&folder)
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn a_configuration_is_checked_without_running_it() {
    let mut place = Place::new(Broker::Embedded);
    place.file_source(&place.path("in"), "lines");
    let validate = |more: &[&str]| {
        let mut command = tidegate();
        command
            .arg("validate")
            .arg(place.path("source.properties"))
            .arg("--plugin-path")
            .arg(plugins())
            .args(more);
        command.output().unwrap()
    };
    let good = validate(&[]);
    assert!(good.status.success(), "{}", text(&good));
    let lines = "connector.class=FileStreamSource\ntasks.max=many\ntransforms=a\ntransforms.a.type=InsertField$Value";
    std::fs::write(
        place.path("source.properties"),
        format!("name=c\n{lines}\n"),
    )
    .unwrap();
    let bad = validate(&["--json"]);
    assert_eq!(bad.status.code(), Some(2), "{}", text(&bad));
    let infos: Value = serde_json::from_slice(&bad.stdout).unwrap();
    let wrong: Vec<&str> = infos["configs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|config| {
            config["value"]["errors"]
                .as_array()
                .is_some_and(|errors| !errors.is_empty())
        })
        .map(|config| config["value"]["name"].as_str().unwrap())
        .collect();
    assert!(
        wrong.contains(&"tasks.max") && wrong.contains(&"topic"),
        "{wrong:?}"
    );
    assert!(
        wrong.iter().any(|key| key.starts_with("transforms.a")),
        "{wrong:?}"
    );
}

#[test]
fn environment_variables_override_the_workers_file() {
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\n").unwrap();
    place.file_source(&place.path("in"), "lines");
    let elsewhere = place.path("elsewhere");
    let mut command = tidegate();
    command.env(
        "CONNECT_BOOTSTRAP_SERVERS",
        format!("embedded:{}", elsewhere.display()),
    );
    command
        .arg("standalone")
        .arg(place.path("worker.properties"))
        .arg(place.path("source.properties"));
    let output = command
        .args(["--exit-when-idle", "0.5", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(elsewhere.is_dir() && !place.path("topics").exists());
    let last = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .last()
        .unwrap()
        .to_owned();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["sources"]["records_out"], 1);
}
