//! The `{"schema": …, "payload": …}` around a value.

use tidegate_model::limits::VALUE_DEPTH_MAX;

use super::scan::Scanner;
use super::schema_text::key;
use crate::error::ConvertError;

/// What to say when a message has none.
const MESSAGE: &str = "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain additional fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.";
/// The longest beginning that is worth keeping for the next message.
const OPENING_BYTES_MAX: usize = 64 * 1024;

/// An envelope, its parts where they stand in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    /// The schema's text.
    pub(super) schema: &'a [u8],
    /// The offset of the payload.
    pub(super) payload: usize,
    /// What comes before the payload, when the schema does and nothing comes after the payload.
    pub(super) opening: Option<&'a [u8]>,
}

impl<'a> Envelope<'a> {
    /// Finds the parts, and checks that the text is JSON.
    ///
    /// # Errors
    /// When it is not, or has other parts.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, ConvertError> {
        let mut scanner = Scanner::new(text)?;
        if scanner.peek() != Some(b'{') {
            if scanner.peek().is_some() {
                scanner.skip(VALUE_DEPTH_MAX)?;
                scanner.finish()?;
            }
            return Err(ConvertError::data(MESSAGE));
        }
        scanner.advance(1);
        let (mut schema, mut payload) = (None, None);
        let mut others = false;
        let mut more = scanner.peek() != Some(b'}');
        if !more {
            scanner.advance(1);
        }
        while more {
            scanner.expect(b'"', "a key in quotes")?;
            let name = key(&mut scanner)?;
            scanner.expect(b':', "a colon")?;
            scanner.peek();
            let start = scanner.offset();
            scanner.skip(VALUE_DEPTH_MAX - 1)?;
            match &*name {
                "schema" => schema = Some((start, scanner.since(start))),
                "payload" => payload = Some(start),
                _ => others = true,
            }
            more = scanner.more(b'}')?;
        }
        scanner.finish()?;
        let (Some((before, schema)), Some(payload), false) = (schema, payload, others) else {
            return Err(ConvertError::data(MESSAGE));
        };
        let opening = (before < payload && payload <= OPENING_BYTES_MAX)
            .then(|| text.get(..payload))
            .flatten();
        Ok(Self {
            schema,
            payload,
            opening,
        })
    }
}
