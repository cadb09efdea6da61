//! Avro through a whole worker: a source writes records by the schemas that it registers, a sink reads them by the ids in
//! them. The registry is a stand-in; `make test-registry` has a real one for the converter alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Broker, Place, lines, text};

/// The schemas that were registered, with their subjects; an id is a place in this list, counted from 1.
type Registered = Arc<Mutex<Vec<(String, Value)>>>;

/// A schema registry that knows how to register a schema and how to find one.
fn registry() -> (String, Registered) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let registered = Registered::default();
    let shared = Arc::clone(&registered);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let registered = Arc::clone(&shared);
            std::thread::spawn(move || while answer(&stream, &registered).is_some() {});
        }
    });
    (url, registered)
}

/// Answers a request; nothing when none comes any more.
fn answer(mut stream: &TcpStream, registered: &Registered) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let (mut head, mut length) = (None, 0);
    loop {
        line.clear();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|count| *count > 0)?;
        if line.trim().is_empty() {
            break;
        }
        match line.to_ascii_lowercase().strip_prefix("content-length:") {
            Some(text) => length = text.trim().parse().unwrap(),
            None => drop(head.get_or_insert_with(|| line.clone())),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let head = head.unwrap();
    let path = head.split(' ').nth(1).unwrap().split('?').next().unwrap();
    let mut registered = registered.lock().unwrap();
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let found = match parts.as_slice() {
        ["subjects", subject, "versions"] => {
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let schema = serde_json::from_str(asked["schema"].as_str().unwrap()).unwrap();
            let entry = ((*subject).to_owned(), schema);
            let known = registered.iter().position(|known| *known == entry);
            let place = known.unwrap_or_else(|| {
                registered.push(entry);
                registered.len() - 1
            });
            Some(json!({"id": place + 1}))
        }
        ["schemas", "ids", id] => {
            let place = id.parse::<usize>().unwrap() - 1;
            let found = registered.get(place);
            found.map(|(_, schema)| json!({"schema": schema.to_string()}))
        }
        _ => None,
    };
    let status = if found.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = found.unwrap_or_else(|| json!({"error_code": 40403, "message": "Schema not found"}));
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()
}

fn converter(url: &str) -> String {
    format!(
        "value.converter=io.confluent.connect.avro.AvroConverter\nvalue.converter.schema.registry.url={url}"
    )
}

/// Lines as records `{"line": …}`, in Avro.
fn avro_source(place: &mut Place, file: &str, url: &str) {
    let source = format!(
        "connector.class=FileStreamSource\nfile={}\ntopic={}\ntransforms=hoist\n\
         transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.hoist.field=line\n{}",
        place.path(file).display(),
        place.topic("records"),
        converter(url)
    );
    place.connector(file, &source);
}

#[test]
fn records_cross_a_topic_in_avro() {
    let (url, registered) = registry();
    let mut place = Place::new(Broker::Embedded);
    std::fs::write(place.path("in"), "a\nb\u{e9}\n").unwrap();
    avro_source(&mut place, "in", &url);
    place.file_sink(&place.path("out"), "records", &converter(&url));
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        lines(&place.path("out")),
        [r#"{"line":"a"}"#, "{\"line\":\"b\u{e9}\"}"]
    );
    let registered = registered.lock().unwrap();
    let [(subject, schema)] = registered.as_slice() else {
        panic!("one schema: {registered:?}");
    };
    assert_eq!(*subject, format!("{}-value", place.topic("records")));
    assert_eq!(schema["type"], "record");
    assert_eq!(schema["fields"][0]["name"], "line");
}

#[test]
fn what_is_no_avro_goes_to_the_dead_letter_queue_as_it_was() {
    let (url, _) = registry();
    let mut place = Place::new(Broker::Embedded);
    // Texts first, which no registry knows, then Avro in the same topic.
    std::fs::write(place.path("in"), "no avro\n").unwrap();
    place.file_source(&place.path("in"), "records");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    place.forget_connectors();
    std::fs::write(place.path("more"), "a\n").unwrap();
    avro_source(&mut place, "more", &url);
    let more = format!(
        "{}\nerrors.tolerance=all\nerrors.deadletterqueue.topic.name={}\n\
         errors.deadletterqueue.topic.replication.factor=1\nerrors.deadletterqueue.context.headers.enable=true",
        converter(&url),
        place.topic("dead")
    );
    place.file_sink(&place.path("out"), "records", &more);
    let dead = format!(
        "connector.class=FileStreamSink\nfile={}\ntopics={}",
        place.path("dead").display(),
        place.topic("dead")
    );
    place.connector("dead", &dead);
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(
        lines(&place.path("out")),
        [r#"{"line":"a"}"#],
        "{}",
        text(&output)
    );
    assert_eq!(lines(&place.path("dead")), ["no avro"], "{}", text(&output));
}
