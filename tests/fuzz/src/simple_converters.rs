//! The converters of text, bytes and numbers, and the one of headers.

use tidegate_convert::Role;

use crate::converted::{Read, of, read, read_loosely, write};
use crate::input::Input;
use crate::made_up;

/// A class with its settings, and whether what it reads it writes as the same bytes.
type Class = (&'static str, &'static [(&'static str, &'static str)], bool);

const CLASSES: &[Class] = &[
    ("StringConverter", &[], false),
    (
        "StringConverter",
        &[("converter.encoding", "US-ASCII")],
        false,
    ),
    (
        "StringConverter",
        &[("converter.encoding", "ISO-8859-1")],
        true,
    ),
    ("ByteArrayConverter", &[], true),
    ("BooleanConverter", &[], false),
    ("ShortConverter", &[], true),
    ("IntegerConverter", &[], true),
    ("LongConverter", &[], true),
    ("FloatConverter", &[], true),
    ("DoubleConverter", &[], true),
    ("SimpleHeaderConverter", &[], false),
];

/// A byte that chooses the class; the rest is a message, or a value is made up from it.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let choice = usize::from(input.byte());
    let (class, settings, exact) = CLASSES[choice / 2 % CLASSES.len()];
    // As in Kafka Connect: of `{"a":1,"b":null}` the schema is a map to int8, and null stands in it.
    let read = match class {
        "SimpleHeaderConverter" => read_loosely,
        _ => read,
    };
    let mut converter = of(class, Role::Header, settings).expect("a converter is made");
    if choice % 2 == 1 {
        let (schema, value) = made_up::either(input);
        let made = Read {
            schema: schema.map(|schema| schema.to_encoded()),
            value: Some(value.to_encoded()),
        };
        if let Ok(Some(written)) = write(&mut *converter, &made) {
            read(&mut *converter, &[Some(&written)]);
        }
        return;
    }
    let message = input.rest();
    let Some(found) = read(&mut *converter, &[Some(message)]).pop().flatten() else {
        return;
    };
    match write(&mut *converter, &found) {
        Ok(written) if exact && found.value.is_some() => {
            assert_eq!(written.as_deref(), Some(message), "{class}");
        }
        Ok(Some(written)) => {
            read(&mut *converter, &[Some(&written)]);
        }
        Ok(None) => {}
        Err(error) => panic!("{class} does not write what it read: {error}"),
    }
}
