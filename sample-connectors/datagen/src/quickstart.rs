//! What is made: orders or users, with the fields of the well-known quick starts.

use std::fmt::Write;
use std::sync::Arc;

use tidegate_sdk::source::SourceRow;
use tidegate_sdk::{Encoder, Error, Field, NO_SCHEMA, Result, Schema, SchemaType};

use crate::random::Random;

/// When the first order was made: 2024-01-01T00:00:00Z. One comes each second.
const FIRST_TIME_MS: i64 = 1_704_067_200_000;
const CITIES: [&str; 6] = ["Berlin", "Bern", "Kiel", "Linz", "Oslo", "Turku"];
const GENDERS: [&str; 3] = ["FEMALE", "MALE", "OTHER"];

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quickstart {
    /// Orders of items.
    Orders,
    /// Users of regions.
    Users,
}

/// The indexes of the schemas of keys and values in a batch.
#[derive(Debug, Clone, Copy)]
pub struct SchemaIndexes {
    /// Of keys.
    pub key: i32,
    /// Of values.
    pub value: i32,
}

impl Quickstart {
    /// The one of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "orders" => Ok(Self::Orders),
            "users" => Ok(Self::Users),
            other => Err(Error::config_key(
                "quickstart",
                format_args!(
                    "Invalid value {other} for configuration quickstart: String must be one of: orders, users"
                ),
            )),
        }
    }

    /// The schemas of keys and values.
    #[must_use]
    pub fn schemas(self) -> (Schema, Schema) {
        let string = || Schema::new(SchemaType::String);
        let int64 = || Schema::new(SchemaType::Int64);
        match self {
            Self::Orders => {
                let address = vec![
                    field("city", string()),
                    field("state", string()),
                    field("zipcode", int64()),
                ];
                let address =
                    Schema::new(SchemaType::Struct(address)).named("datagen.orders.address");
                let order = vec![
                    field("ordertime", int64()),
                    field("orderid", Schema::new(SchemaType::Int32)),
                    field("itemid", string()),
                    field("orderunits", Schema::new(SchemaType::Float64)),
                    field("address", address),
                ];
                let order = Schema::new(SchemaType::Struct(order)).named("datagen.orders");
                (Schema::new(SchemaType::Int32), order)
            }
            Self::Users => {
                let user = vec![
                    field("registertime", int64()),
                    field("userid", string()),
                    field("regionid", string()),
                    field("gender", string()),
                ];
                let user = Schema::new(SchemaType::Struct(user)).named("datagen.users");
                (string(), user)
            }
        }
    }

    /// Writes key and value of a record. `text` is room to write in.
    pub fn write(
        self,
        row: &mut SourceRow<'_>,
        position: i64,
        random: &mut Random,
        schemas: SchemaIndexes,
        text: &mut String,
    ) {
        match self {
            Self::Orders => write_order(row, position, random, schemas, text),
            Self::Users => write_user(row, random, schemas, text),
        }
    }
}

fn write_order(
    row: &mut SourceRow<'_>,
    position: i64,
    random: &mut Random,
    schemas: SchemaIndexes,
    text: &mut String,
) {
    // Order ids go round after 2^31 records.
    let id = i32::try_from(position & i64::from(i32::MAX)).unwrap_or(0);
    row.key(schemas.key, |out| out.int32(id));
    row.value(schemas.value, |out| {
        let mut order = Fields::begin(out, schemas.value != NO_SCHEMA);
        let time = FIRST_TIME_MS.saturating_add(position.saturating_mul(1000));
        order.field("ordertime").int64(time);
        order.field("orderid").int32(id);
        let item = numbered(text, "Item_", random.below(1000));
        order.field("itemid").string(item);
        // Thousandths, exact in what is printed.
        order
            .field("orderunits")
            .float64(f64::from(random.below(10_000)) / 1000.0);
        let mut address = Fields::begin(order.field("address"), schemas.value != NO_SCHEMA);
        address.field("city").string(one_of(&CITIES, random));
        let state = numbered(text, "State_", random.below(100));
        address.field("state").string(state);
        address
            .field("zipcode")
            .int64(i64::from(10_000 + random.below(90_000)));
        address.end();
        order.end();
    });
}

fn write_user(
    row: &mut SourceRow<'_>,
    random: &mut Random,
    schemas: SchemaIndexes,
    text: &mut String,
) {
    let user = random.below(10) + 1;
    row.key(schemas.key, |out| {
        out.string(numbered(text, "User_", user));
    });
    row.value(schemas.value, |out| {
        let mut fields = Fields::begin(out, schemas.value != NO_SCHEMA);
        let registered = i64::from(random.below(31_536_000)) * 1000;
        fields
            .field("registertime")
            .int64(FIRST_TIME_MS - registered);
        fields.field("userid").string(numbered(text, "User_", user));
        let region = random.below(9) + 1;
        fields
            .field("regionid")
            .string(numbered(text, "Region_", region));
        fields.field("gender").string(one_of(&GENDERS, random));
        fields.end();
    });
}

/// A struct's values, or a map's entries where there is no schema.
struct Fields<'a, 'b> {
    out: &'a mut Encoder<'b>,
    container: tidegate_sdk::model::value::Container,
    structure: bool,
    count: usize,
}

impl<'a, 'b> Fields<'a, 'b> {
    fn begin(out: &'a mut Encoder<'b>, structure: bool) -> Self {
        let container = if structure {
            out.structure()
        } else {
            out.map()
        };
        Self {
            out,
            container,
            structure,
            count: 0,
        }
    }

    /// Begins a field: write its value next.
    fn field(&mut self, name: &str) -> &mut Encoder<'b> {
        self.count += 1;
        if !self.structure {
            self.out.string(name);
        }
        self.out
    }

    fn end(self) {
        self.out.end(self.container, self.count);
    }
}

fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.to_owned(),
        schema: Arc::new(schema),
    }
}

fn one_of<'a>(choices: &[&'a str], random: &mut Random) -> &'a str {
    let end = u32::try_from(choices.len()).unwrap_or(u32::MAX);
    choices
        .get(random.below(end) as usize)
        .copied()
        .unwrap_or_default()
}

fn numbered<'a>(text: &'a mut String, prefix: &str, number: u32) -> &'a str {
    text.clear();
    let written = write!(text, "{prefix}{number}");
    debug_assert!(written.is_ok(), "writing to a string never fails");
    text
}
