//! Kafka Connect's transforms and predicates, by name, keys and behaviour.
//!
//! They work on the encoded values of a whole batch: skip, splice, append. There is no tree; what a transform
//! makes of a schema is worked out once for each distinct schema and kept.
//!
//! | module | what |
//! | --- | --- |
//! | [`cast`], [`cast_value`] | `Cast$Key`, `$Value`: another type |
//! | [`mask_field`], [`masks`] | `MaskField$Key`, `$Value`: zeros or a replacement |
//! | [`flatten`], [`flat_map`], [`flat_struct`] | `Flatten$Key`, `$Value`: nested fields beside the others |
//! | [`hoist_field`] | `HoistField$Key`, `$Value`: the whole as one field |
//! | [`set_schema_metadata`] | `SetSchemaMetadata$Key`, `$Value`: name and version of a schema |
//! | [`insert_field`] | `InsertField$Key`, `$Value`: topic, partition, offset, timestamp or a fixed text |
//! | [`replace_field`] | `ReplaceField$Key`, `$Value`: leaves out and renames fields |
//! | [`extract_field`] | `ExtractField$Key`, `$Value`: one field in place of the whole |
//! | [`value_to_key`] | `ValueToKey`: a key made of fields of the value |
//! | [`timestamp_converter`] | `TimestampConverter$Key`, `$Value`: timestamps as texts, numbers and logical types |
//! | [`timestamp_router`] | `TimestampRouter`: a topic with the timestamp in it |
//! | [`header_from`] | `HeaderFrom$Key`, `$Value`: fields moved or copied into headers |
//! | [`insert_header`], [`drop_headers`] | `InsertHeader`, `DropHeaders` |
//! | [`regex_router`], [`replacement`] | `RegexRouter`: another topic |
//! | [`extract_new_record_state`] | Debezium's `ExtractNewRecordState`: the row in place of a change event |
//! | [`filter`] | `Filter`: drops records |
//! | [`predicates`] | `HasHeaderKey`, `RecordIsTombstone`, `TopicNameMatches` |
//! | [`date_pattern`], [`distinct`] | date patterns and lists in configurations |
//! | [`field_path`] | names and paths of fields |
//! | [`encoded`], [`fields`], [`short`], [`side`] | what the transforms share |

pub mod cast;
pub mod cast_value;
pub mod date_pattern;
pub mod distinct;
pub mod drop_headers;
pub mod encoded;
pub mod exception;
pub mod extract_field;
pub mod extract_new_record_state;
pub mod field_path;
pub mod fields;
pub mod filter;
pub mod flat_map;
pub mod flat_struct;
pub mod flatten;
pub mod header_from;
pub mod hoist_field;
pub mod insert_field;
pub mod insert_header;
pub mod mask_field;
pub mod masks;
pub mod predicates;
pub mod regex_router;
pub mod replace_field;
pub mod replacement;
pub mod set_schema_metadata;
pub mod short;
pub mod side;
pub mod timestamp_converter;
pub mod timestamp_router;
pub mod value_to_key;

use cast::Cast;
use drop_headers::DropHeaders;
use extract_field::ExtractField;
use extract_new_record_state::ExtractNewRecordState;
use filter::Filter;
use flatten::Flatten;
use header_from::HeaderFrom;
use hoist_field::HoistField;
use insert_field::InsertField;
use insert_header::InsertHeader;
use mask_field::MaskField;
use predicates::{HasHeaderKey, RecordIsTombstone, TopicNameMatches};
use regex_router::RegexRouter;
use replace_field::ReplaceField;
use set_schema_metadata::SetSchemaMetadata;
use side::{OfKey, OfValue};
use timestamp_converter::TimestampConverter;
use timestamp_router::TimestampRouter;
use value_to_key::ValueToKey;

tidegate_sdk::export! {
    transforms: [
        Cast<OfKey>,
        Cast<OfValue>,
        DropHeaders,
        ExtractField<OfKey>,
        ExtractField<OfValue>,
        ExtractNewRecordState,
        Filter,
        Flatten<OfKey>,
        Flatten<OfValue>,
        HeaderFrom<OfKey>,
        HeaderFrom<OfValue>,
        HoistField<OfKey>,
        HoistField<OfValue>,
        InsertField<OfKey>,
        InsertField<OfValue>,
        InsertHeader,
        MaskField<OfKey>,
        MaskField<OfValue>,
        RegexRouter,
        ReplaceField<OfKey>,
        ReplaceField<OfValue>,
        SetSchemaMetadata<OfKey>,
        SetSchemaMetadata<OfValue>,
        TimestampConverter<OfKey>,
        TimestampConverter<OfValue>,
        TimestampRouter,
        ValueToKey,
    ],
    predicates: [HasHeaderKey, RecordIsTombstone, TopicNameMatches],
}
