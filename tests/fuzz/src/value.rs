//! Encoded values and schemas, as a guest hands them over.

use std::hint::black_box;

use tidegate_java::{to_string, values};
use tidegate_model::value::{Checker, check};
use tidegate_model::{Schema, Value, View};

use crate::input::Input;
use crate::made_up;

/// Takes the bytes as a value, as a schema, and as what both are made from.
pub fn run(data: &[u8]) {
    let value = one(data);
    let schema = schema(data);
    if let (Some(value), Some(schema)) = (&value, &schema) {
        black_box(value.fits(schema));
    }
    let input = &mut Input::new(data);
    let schema = made_up::schema(input);
    let value = made_up::value(input, &schema);
    let encoded = schema.to_encoded();
    let read = Schema::decode(&encoded).expect("a schema is read that was written");
    assert_eq!(read.to_encoded(), encoded);
    assert!(value.fits(&schema), "{value:?} does not fit {schema:?}");
    one(&value.to_encoded()).expect("a value is read that was written");
    checks_agree(&value.to_encoded(), input);
}

/// Holds what reads a value against each other.
fn one(bytes: &[u8]) -> Option<Value> {
    let checked = check(bytes);
    assert_eq!(Checker::default().check(bytes).is_ok(), checked.is_ok());
    let decoded = Value::decode(bytes);
    assert_eq!(decoded.is_ok(), checked.is_ok(), "{decoded:?} {checked:?}");
    let value = decoded.ok()?;
    assert_eq!(value.to_encoded(), bytes, "{value:?}");
    let view = View::read(bytes).expect("what was checked is read");
    walk(view);
    // A value may be too large to print.
    for print in [to_string::write, values::print] {
        let mut out = Vec::new();
        if print(view, None, &mut out).is_ok() {
            assert!(std::str::from_utf8(&out).is_ok());
        }
    }
    Some(value)
}

fn walk(view: View<'_>) {
    match view {
        View::Array(mut elements) | View::Struct(mut elements) => {
            let count = elements.len();
            let mut found = 0;
            while let Some(element) = elements.next_view().expect("an element is read") {
                walk(element);
                found += 1;
            }
            assert_eq!(found, count);
        }
        View::Map(mut entries) => {
            let count = entries.len();
            let mut found = 0;
            while let Some((key, value)) = entries.next_encoded().expect("an entry is read") {
                walk(View::read(key).expect("a key is read"));
                walk(View::read(value).expect("a value is read"));
                found += 1;
            }
            assert_eq!(found, count);
        }
        _ => {}
    }
}

fn schema(bytes: &[u8]) -> Option<Schema> {
    let schema = Schema::decode(bytes).ok()?;
    assert_eq!(schema.to_encoded(), bytes, "{schema:?}");
    Some(schema)
}

/// The check that learns from one value for the next one, against the one that does not: on values that are alike but for
/// some bytes.
fn checks_agree(value: &[u8], input: &mut Input<'_>) {
    let mut checker = Checker::default();
    for _ in 0..4 {
        assert_eq!(checker.check(value), Ok(()));
    }
    let mut bytes = value.to_vec();
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        let at = input.below(bytes.len());
        bytes[at] = input.byte();
        assert_eq!(
            checker.check(&bytes).is_ok(),
            check(&bytes).is_ok(),
            "{bytes:02x?} after {value:02x?}"
        );
        if input.flag() {
            bytes = value.to_vec();
        }
    }
}
