//! JSON messages, and values that become JSON.

use tidegate_convert::Role;

use crate::converted::{Read, of, read, shown, write};
use crate::input::Input;
use crate::made_up;

const CLASS: &str = "JsonConverter";
/// A schema that all messages have.
const CONTENT: &str = r#"{"type":"struct","fields":[{"field":"a","type":"int32"},{"field":"b","type":"string","optional":true}]}"#;

/// A byte of options, then messages with a zero between them; or a value that is made up.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let options = input.byte();
    let enabled = options & 1 == 0;
    let flag = |set: bool| if set { "true" } else { "false" };
    let mut settings = vec![
        ("schemas.enable", flag(enabled)),
        ("replace.null.with.default", flag(options & 2 == 0)),
        (
            "decimal.format",
            if options & 4 == 0 {
                "BASE64"
            } else {
                "NUMERIC"
            },
        ),
    ];
    if options & 0x18 == 0x18 {
        settings.push(("schema.content", CONTENT));
    }
    if options & 0x60 == 0x60 {
        made_up_value(input, enabled, &settings);
    } else {
        messages(input.rest(), &settings);
    }
}

fn messages(text: &[u8], settings: &[(&str, &str)]) {
    let texts: Vec<Option<&[u8]>> = text.split(|byte| *byte == 0).take(8).map(Some).collect();
    let new = || of(CLASS, Role::Value, settings).expect("a converter is made");
    let together = read(&mut *new(), &texts);
    for (text, found) in texts.iter().zip(together) {
        // What one message taught the converter changes nothing for the next one.
        let alone = read(&mut *new(), &[*text]).pop().flatten();
        assert_eq!(alone, found, "alone and after others");
        let Some(found) = found else { continue };
        comes_back(&found, settings);
    }
}

/// What was read reads the same once it is written.
fn comes_back(found: &Read, settings: &[(&str, &str)]) {
    let converter = &mut *of(CLASS, Role::Value, settings).expect("a converter is made");
    let written = write(converter, found)
        .unwrap_or_else(|error| panic!("{} is not written: {error}", shown(found)));
    // As in Kafka Connect, 1e400 is infinite, which is written as a text.
    let is_infinite = ["(inf)", "(-inf)", "(NaN)"].map(|number| shown(found).contains(number));
    if has_content(settings) || is_infinite.contains(&true) {
        return;
    }
    let again = read(converter, &[written.as_deref()]).pop().flatten();
    let text = String::from_utf8(written.unwrap_or_default()).expect("JSON is UTF-8");
    let again = again.unwrap_or_else(|| panic!("{text} is not read"));
    assert_eq!(again, *found, "{} became {}", shown(found), shown(&again));
}

/// With a schema for all messages they are read without an envelope and written with one, as in Kafka Connect.
fn has_content(settings: &[(&str, &str)]) -> bool {
    settings.iter().any(|(key, _)| *key == "schema.content")
}

fn made_up_value(input: &mut Input<'_>, enabled: bool, settings: &[(&str, &str)]) {
    let (schema, value) = made_up::either(input);
    let made = Read {
        schema: schema.map(|schema| schema.to_encoded()),
        value: Some(value.to_encoded()),
    };
    let converter = &mut *of(CLASS, Role::Value, settings).expect("a converter is made");
    let Ok(Some(written)) = write(converter, &made) else {
        return;
    };
    if has_content(settings) {
        return;
    }
    let text = String::from_utf8(written).expect("JSON is UTF-8");
    let Some(found) = read(converter, &[Some(text.as_bytes())]).pop().flatten() else {
        panic!("{} became {text}, which is not read", shown(&made));
    };
    if enabled && made.schema.is_some() {
        comes_back(&found, settings);
    }
}
