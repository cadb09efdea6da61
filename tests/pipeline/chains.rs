//! Transforms of two components one after another, the second under a predicate of a third: what comes out, in which
//! order, what each output came from, and which transform and record an error names.
//!
//! `t1` is ours, `t2` makes none, one or many records of one (`tests/chains/repeats`), and `go` is the predicate
//! (`tests/chains/begins-with`).

use serde_json::Value;

use crate::guests::add_guests;
use crate::support::{Broker, Place, lines, text};

/// Offsets 0 to 7. `t2` drops offset 2 and refuses 5, `t1` refuses 6, which is no object.
const RECORDS: &str = r#"{"text":"go 1"}
{"text":"stay 5"}
{"text":"go 0"}
{"text":"go 2"}
{"text":"stay 0"}
{"text":"go much"}
"no object"
{"text":"go 3"}
"#;

const CHAIN: &str = "transforms=t1,t2\ntransforms.t2.type=test.Repeats\ntransforms.t2.predicate=go\n\
    predicates=go\npredicates.go.type=test.BeginsWith\npredicates.go.prefix=go\n";

/// A place whose topic has these lines, one record each.
fn place_with(records: &str) -> Place {
    let mut place = Place::new(Broker::Embedded);
    add_guests(
        &place,
        &[
            "tidegate-test-repeats",
            "tidegate-test-begins-with",
            "tidegate-test-guests",
        ],
    );
    std::fs::write(place.path("in"), records).unwrap();
    place.file_source(&place.path("in"), "records");
    let output = place.run_until_idle();
    assert!(output.status.success(), "{}", text(&output));
    place
}

/// A sink's chain: `t1` takes the text out of a JSON object.
fn sink_chain(more: &str) -> String {
    format!(
        "{CHAIN}transforms.t1.type=org.apache.kafka.connect.transforms.ExtractField$Value\n\
         transforms.t1.field=text\nvalue.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter.schemas.enable=false\n{more}"
    )
}

/// The counters of the last progress line.
fn last_progress(output: &std::process::Output) -> Value {
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(lines.lines().last().unwrap_or_default()).unwrap()
}

fn outputs_and_counts(negate: bool, wanted: &[&str], filtered: u64, skipped: u64) {
    let mut place = place_with(RECORDS);
    let more = format!("transforms.t2.negate={negate}\nerrors.tolerance=all");
    place.file_sink(&place.path("out"), "records", &sink_chain(&more));
    let output = place.run_until_idle_with_progress();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(lines(&place.path("out")), wanted, "{}", text(&output));
    let sinks = &last_progress(&output)["sinks"];
    assert_eq!(
        (&sinks["filtered"], &sinks["skipped"]),
        (&filtered.into(), &skipped.into())
    );
}

#[test]
fn records_cross_where_the_predicate_holds_and_keep_their_order() {
    let wanted = [
        "go 1.1", "stay 5", "go 2.1", "go 2.2", "stay 0", "go 3.1", "go 3.2", "go 3.3",
    ];
    outputs_and_counts(false, &wanted, 1, 2);
}

#[test]
fn records_cross_where_a_negated_predicate_does_not_hold() {
    let wanted = [
        "go 1", "stay 5.1", "stay 5.2", "stay 5.3", "stay 5.4", "stay 5.5", "go 0", "go 2",
        "go much", "go 3",
    ];
    outputs_and_counts(true, &wanted, 1, 1);
}

/// Runs a sink without tolerance and gives what it says.
fn refusal(records: &str, connector: &str) -> String {
    let mut place = place_with(records);
    place.connector(
        "sink",
        &format!(
            "topics={}\nfile={}\n{connector}",
            place.topic("records"),
            place.path("out").display()
        ),
    );
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    text(&output).replace(&place.topic("records"), "TOPIC")
}

fn assert_says(said: &str, wanted: &str) {
    assert!(said.contains(wanted), "{wanted:?} was wanted in:\n{said}");
}

#[test]
fn the_first_record_that_fails_is_named_with_its_transform() {
    let sink = "connector.class=FileStreamSink\n";
    let said = refusal(RECORDS, &format!("{sink}{}", sink_chain("")));
    assert_says(
        &said,
        "TRANSFORMATION: record TOPIC-0 offset 5: transform t2: \"go much\" has no number",
    );
    // In the negated chain only t1 refuses a record.
    let negated = sink_chain("transforms.t2.negate=true");
    let said = refusal(RECORDS, &format!("{sink}{negated}"));
    assert_says(
        &said,
        "TRANSFORMATION: record TOPIC-0 offset 6: transform t1: ",
    );
}

#[test]
fn a_record_that_the_sink_refuses_is_named_by_what_it_came_from() {
    // The second output is the first copy of offset 3.
    let records =
        "{\"text\":\"go 0\"}\n{\"text\":\"stay 1\"}\n{\"text\":\"go 0\"}\n{\"text\":\"go 2\"}\n";
    let said = refusal(
        records,
        &format!("connector.class=test.RefusesSecond\n{}", sink_chain("")),
    );
    assert_says(&said, "TASK_PUT: record TOPIC-0 offset 3: ");
}

#[test]
fn a_source_runs_the_same_chain_before_it_writes() {
    let chain = format!(
        "{CHAIN}transforms.t1.type=org.apache.kafka.connect.transforms.RegexRouter\n\
         transforms.t1.regex=(.*)\ntransforms.t1.replacement=$1-routed\n"
    );
    let source = |place: &mut Place, more: &str| {
        let lines = format!(
            "connector.class=FileStreamSource\nfile={}\ntopic={}\n{chain}{more}",
            place.path("in").display(),
            place.topic("lines")
        );
        place.connector("source", &lines);
    };
    let mut place = Place::new(Broker::Embedded);
    add_guests(
        &place,
        &["tidegate-test-repeats", "tidegate-test-begins-with"],
    );
    std::fs::write(place.path("in"), "stay 1\ngo 0\ngo 2\ngo much\nstay 2\n").unwrap();
    source(&mut place, "");
    let output = place.run_until_idle();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_says(
        &text(&output),
        "TRANSFORMATION: record 3 of the polled batch: transform t2: \"go much\" has no number",
    );
    source(&mut place, "errors.tolerance=all");
    place.file_sink(&place.path("out"), "lines-routed", "");
    let output = place.run_until_idle_with_progress();
    assert!(output.status.success(), "{}", text(&output));
    let wanted = ["stay 1", "go 2.1", "go 2.2", "stay 2"];
    assert_eq!(lines(&place.path("out")), wanted, "{}", text(&output));
    let sources = &last_progress(&output)["sources"];
    assert_eq!(
        (&sources["filtered"], &sources["skipped"]),
        (&0.into(), &1.into()),
        "what came before the record that failed was delivered by the first run"
    );
}
