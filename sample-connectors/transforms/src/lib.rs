//! Kafka Connect's transforms and predicates, by name, keys and behaviour.
//!
//! They work on the encoded values of a whole batch: skip, splice, append. There is no tree; what a transform
//! makes of a schema is worked out once for each distinct schema and kept.
//!
//! | module | what |
//! | --- | --- |
//! | [`insert_field`] | `InsertField$Key`, `$Value`: topic, partition, offset, timestamp or a fixed text |
//! | [`replace_field`] | `ReplaceField$Key`, `$Value`: leaves out and renames fields |
//! | [`extract_field`] | `ExtractField$Key`, `$Value`: one field in place of the whole |
//! | [`value_to_key`] | `ValueToKey`: a key made of fields of the value |
//! | [`regex_router`] | `RegexRouter`: another topic |
//! | [`extract_new_record_state`] | Debezium's `ExtractNewRecordState`: the row in place of a change event |
//! | [`filter`] | `Filter`: drops records |
//! | [`predicates`] | `HasHeaderKey`, `RecordIsTombstone`, `TopicNameMatches` |
//! | [`java_regex`] | Java's regular expressions and replacements |
//! | [`field_path`] | names and paths of fields |
//! | [`encoded`], [`short`], [`side`] | what the transforms share |

pub mod encoded;
pub mod extract_field;
pub mod extract_new_record_state;
pub mod field_path;
pub mod filter;
pub mod insert_field;
pub mod java_regex;
pub mod predicates;
pub mod regex_router;
pub mod replace_field;
pub mod short;
pub mod side;
pub mod value_to_key;

use extract_field::ExtractField;
use extract_new_record_state::ExtractNewRecordState;
use filter::Filter;
use insert_field::InsertField;
use predicates::{HasHeaderKey, RecordIsTombstone, TopicNameMatches};
use regex_router::RegexRouter;
use replace_field::ReplaceField;
use side::{OfKey, OfValue};
use value_to_key::ValueToKey;

tidegate_sdk::export! {
    transforms: [
        ExtractField<OfKey>,
        ExtractField<OfValue>,
        ExtractNewRecordState,
        Filter,
        InsertField<OfKey>,
        InsertField<OfValue>,
        RegexRouter,
        ReplaceField<OfKey>,
        ReplaceField<OfValue>,
        ValueToKey,
    ],
    predicates: [HasHeaderKey, RecordIsTombstone, TopicNameMatches],
}
