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
    assert!(!text(&one).contains("<code>"), "{}", text(&one));
    for (asked, wanted) in [
        ("NoSuch", "`tidegate plugins` lists"),
        ("FileStreamSorce", "file.FileStreamSourceConnector"),
        (
            "InsertField",
            "InsertField$Key, org.apache.kafka.connect.transforms.InsertField$Value",
        ),
    ] {
        let none = tidegate()
            .args(["plugins", asked, "--plugin-path"])
            .arg(&folder)
            .output()
            .unwrap();
        assert_eq!(none.status.code(), Some(2));
        assert!(text(&none).contains(wanted), "{}", text(&none));
    }
}

#[test]
fn components_that_cannot_be_used_and_folders_that_are_none_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.wasm");
    std::fs::write(&bad, "no component").unwrap();
    let plugins = |path: &std::path::Path, more: &[&str]| {
        let mut command = tidegate();
        command
            .arg("plugins")
            .arg("--plugin-path")
            .arg(path)
            .args(more);
        command.output().unwrap()
    };
    let output = plugins(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list[0]["path"], bad.to_str().unwrap());
    assert!(list[0]["error"].is_string());
    for (path, wanted) in [
        (bad.clone(), "is no folder"),
        (folder.path().join("none"), "does not exist"),
    ] {
        let output = plugins(&path, &["--json"]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        let error: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(error["error"].as_str().unwrap().contains(wanted), "{error}");
    }
    std::fs::remove_file(&bad).unwrap();
    let empty = plugins(folder.path(), &[]);
    assert!(empty.status.success(), "{}", text(&empty));
    assert!(
        text(&empty).contains(folder.path().to_str().unwrap()),
        "{}",
        text(&empty)
    );
}

#[test]
fn a_distributed_worker_is_refused_with_what_there_is_instead() {
    let output = tidegate()
        .args(["distributed", "connect-distributed.properties"])
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let wanted = "`tidegate standalone connect-distributed.properties`";
    assert!(text(&output).contains(wanted), "{}", text(&output));
}

#[test]
fn a_plugin_path_that_was_kafka_connects_takes_nothing_away() {
    // As `make install` lays them out.
    let place = tempfile::tempdir().unwrap();
    let (bin, own) = (
        place.path().join("bin"),
        place.path().join("lib/tidegate/plugins"),
    );
    let jars = place.path().join("jars");
    for folder in [&bin, &own, &jars] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let program = bin.join("tidegate");
    std::fs::copy(tidegate().get_program(), &program).unwrap();
    std::fs::copy(plugins().join("file.wasm"), own.join("file.wasm")).unwrap();
    std::fs::write(jars.join("kafka-connect-s3.jar"), "PK").unwrap();
    let path = format!(
        "{},{},{}",
        jars.display(),
        own.display(),
        place.path().join("none").display()
    );
    let list = |folders: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command
            .arg("plugins")
            .args(folders)
            .env("CONNECT_PLUGIN_PATH", &path);
        command.output().unwrap()
    };
    let output = list(&[]);
    assert!(output.status.success(), "{}", text(&output));
    let shown = text(&output);
    assert_eq!(
        shown.matches("FileStreamSinkConnector").count(),
        1,
        "{shown}"
    );
    assert!(shown.contains("does not exist; it is left out"), "{shown}");
    // What is named on the command line is all that is looked for.
    let output = list(&["--plugin-path", jars.to_str().unwrap()]);
    assert!(
        !text(&output).contains("FileStreamSinkConnector"),
        "{}",
        text(&output)
    );
}

#[test]
fn variables_name_the_plugins_and_the_broker_of_commands_without_a_workers_file() {
    let folder = plugins();
    let list = tidegate()
        .arg("plugins")
        .env("CONNECT_PLUGIN_PATH", &folder)
        .output()
        .unwrap();
    assert!(text(&list).contains("RegexRouter"), "{}", text(&list));
    let widest = text(&list).lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{}", text(&list));
    let topics = tidegate()
        .arg("topics")
        .env("CONNECT_BOOTSTRAP_SERVERS", "embedded:/no/such/folder")
        .output()
        .unwrap();
    assert_eq!(topics.status.code(), Some(2));
    assert!(
        text(&topics).contains("/no/such/folder"),
        "{}",
        text(&topics)
    );
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
    let shown = text(&validate(&[]));
    assert!(
        shown.contains("many"),
        "the value given was wanted in:\n{shown}"
    );
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
    std::fs::write(
        place.path("source.properties"),
        "name=c\nconnector.class=FileStreamSorce\n",
    )
    .unwrap();
    let unknown = validate(&["--json"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
    let error: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .contains("connector c: connector.class: "),
        "{error}"
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
