//! Avro's bytes to encoded Connect values, by a plan that is worked out once per schema.

use tidegate_model::limits::{CALL_BYTES_TO_GUEST_MAX, VALUE_DEPTH_MAX};
use tidegate_model::schema::{DATE, DECIMAL, Schema, SchemaType, TIME, TIMESTAMP};
use tidegate_model::value::{Encoder, tag};

use super::Fault;
use super::options::DataOptions;
use super::schema::{Kind, NodeId, Nodes};
use super::to_connect::entry;
use super::unscaled::shortest;
use super::wire::Cursor;
use crate::entries::keep_last;
use tidegate_java::calendar::DAY_MS;

/// The most bytes of an encoded value: a batch with one record must fit a call to a guest. A few bytes of Avro can
/// stand for many elements.
const ENCODED_BYTES_MAX: usize = CALL_BYTES_TO_GUEST_MAX / 2;

/// How a value is read.
#[derive(Debug)]
pub(super) enum Plan {
    Null,
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    Fixed(usize),
    Date,
    Time,
    Timestamp,
    /// With its scale, and its size when that is fixed.
    Decimal(i32, Option<usize>),
    /// The encoded texts of the symbols.
    Enum(Vec<Box<[u8]>>),
    Array(Box<Plan>),
    Map(Box<Plan>),
    /// An array of entries: of key and value, and whether the value comes first.
    Entries(Box<(Plan, Plan)>, bool),
    Record(Vec<Plan>),
    /// Null or another: with the place of the null.
    Optional(u8, Box<Plan>),
    /// A union with one branch.
    Single(Box<Plan>),
    /// One of several, which becomes a struct with a field for each but null.
    Union(Vec<Plan>),
    /// Any value, without a schema.
    Anything,
}

impl Plan {
    /// How null is read where there is nothing else.
    pub(super) fn nulls(nodes: &Nodes, id: NodeId) -> Self {
        match &nodes.at(id).kind {
            Kind::Union(_) => Self::Union(vec![Self::Null]),
            _ => Self::Null,
        }
    }

    /// Works out how values of a schema are read, of which a Connect schema was made.
    pub(super) fn new(nodes: &Nodes, id: NodeId, schema: &Schema, options: &DataOptions) -> Self {
        let node = nodes.at(id);
        let part = |id: NodeId, schema: &Schema| Self::new(nodes, id, schema, options);
        let name = schema.name.as_deref();
        match (&node.kind, &schema.kind) {
            (Kind::Boolean, _) => Self::Boolean,
            (Kind::Int, SchemaType::Int8) => Self::Int8,
            (Kind::Int, SchemaType::Int16) => Self::Int16,
            (Kind::Int, _) if name == Some(DATE) => Self::Date,
            (Kind::Int, _) if name == Some(TIME) => Self::Time,
            (Kind::Int, _) => Self::Int32,
            (Kind::Long, _) if name == Some(TIMESTAMP) => Self::Timestamp,
            (Kind::Long, _) => Self::Int64,
            (Kind::Float, _) => Self::Float32,
            (Kind::Double, _) => Self::Float64,
            (Kind::String, _) => Self::String,
            (Kind::Bytes | Kind::Fixed(_), _) => {
                let size = match node.kind {
                    Kind::Fixed(size) => Some(size),
                    _ => None,
                };
                match (size, name) {
                    (size, Some(DECIMAL)) => {
                        let scale = schema.parameter("scale").map(str::parse);
                        Self::Decimal(scale.and_then(Result::ok).unwrap_or(0), size)
                    }
                    (Some(size), _) => Self::Fixed(size),
                    (None, _) => Self::Bytes,
                }
            }
            (Kind::Enum { symbols, .. }, _) => {
                Self::Enum(symbols.iter().map(|symbol| text(symbol)).collect())
            }
            (Kind::Array(items), SchemaType::Map(key_schema, value_schema)) => {
                match &nodes.at(*items).kind {
                    Kind::Record(fields) => match entry(fields) {
                        Ok((key, value)) => Self::Entries(
                            Box::new((part(key.node, key_schema), part(value.node, value_schema))),
                            fields.first().is_some_and(|first| first.name == "value"),
                        ),
                        Err(_) => Self::Null,
                    },
                    _ => Self::Null,
                }
            }
            (Kind::Array(items), SchemaType::Array(element)) => {
                Self::Array(Box::new(part(*items, element)))
            }
            (Kind::Map(values), SchemaType::Map(_, value)) => {
                Self::Map(Box::new(part(*values, value)))
            }
            (Kind::Record(fields), SchemaType::Struct(parts)) => Self::Record(
                fields
                    .iter()
                    .zip(parts)
                    .map(|(field, made)| part(field.node, &made.schema))
                    .collect(),
            ),
            (Kind::Union(branches), _) => match (nodes.optional(branches), branches.as_slice()) {
                (Some((null, other)), _) => Self::Optional(null, Box::new(part(other, schema))),
                (None, [only]) if options.flatten => Self::Single(Box::new(part(*only, schema))),
                (None, branches) => {
                    let mut made = schema.fields().iter();
                    let branch = |id: &NodeId| match &nodes.at(*id).kind {
                        Kind::Null => Self::Null,
                        _ => made
                            .next()
                            .map_or(Self::Null, |made| part(*id, &made.schema)),
                    };
                    Self::Union(branches.iter().map(branch).collect())
                }
            },
            // The Connect schema was made of the other.
            (Kind::Null | Kind::Array(_) | Kind::Map(_) | Kind::Record(_), _) => Self::Null,
        }
    }
}

fn text(symbol: &str) -> Box<[u8]> {
    let mut encoded = Vec::new();
    Encoder::new(&mut encoded).string(symbol);
    encoded.into()
}

/// Appends the value of Avro's bytes. False: it is null, and what was appended is to be taken back.
///
/// # Errors
/// When they are no value of the schema, or over a limit; with the place.
pub(super) fn read(plan: &Plan, bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, (usize, Fault)> {
    let start = out.len();
    let mut reader = Reader {
        cursor: Cursor::new(bytes),
        limit: start + ENCODED_BYTES_MAX,
        out,
    };
    let done = match plan {
        // Confluent's serializer writes these without their length.
        Plan::Bytes => {
            let bytes = reader.cursor.all();
            reader.encoder().bytes(bytes);
            Ok(())
        }
        Plan::Decimal(scale, None) => {
            let bytes = reader.cursor.all();
            reader.decimal(*scale, bytes)
        }
        plan => reader.value(plan, VALUE_DEPTH_MAX),
    };
    let done = done.and_then(|()| match reader.cursor.left() {
        0 => Ok(()),
        left => Err(Fault::Trailing(left)),
    });
    done.map_err(|fault| (reader.cursor.offset(), fault))?;
    Ok(reader.out.get(start) != Some(&tag::NULL))
}

struct Reader<'c, 'o> {
    cursor: Cursor<'c>,
    out: &'o mut Vec<u8>,
    /// The most that `out` may grow to.
    limit: usize,
}

impl Reader<'_, '_> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "as Java casts int8 and int16"
    )]
    fn value(&mut self, plan: &Plan, depth_left: usize) -> Result<(), Fault> {
        match plan {
            Plan::Null => self.encoder().null(),
            Plan::Boolean => {
                let value = match self.cursor.byte()? {
                    0 => false,
                    1 => true,
                    other => return Err(Fault::Boolean(other)),
                };
                self.encoder().boolean(value);
            }
            Plan::Int8 => {
                let value = self.cursor.int()?;
                self.encoder().int8(value as i8);
            }
            Plan::Int16 => {
                let value = self.cursor.int()?;
                self.encoder().int16(value as i16);
            }
            Plan::Int32 => {
                let value = self.cursor.int()?;
                self.encoder().int32(value);
            }
            Plan::Int64 => {
                let value = self.cursor.long()?;
                self.encoder().int64(value);
            }
            Plan::Float32 => {
                let value = f32::from_le_bytes(self.cursor.array()?);
                self.encoder().float32(value);
            }
            Plan::Float64 => {
                let value = f64::from_le_bytes(self.cursor.array()?);
                self.encoder().float64(value);
            }
            Plan::String => self.string()?,
            Plan::Bytes => {
                let bytes = self.cursor.bytes()?;
                self.encoder().bytes(bytes);
            }
            Plan::Fixed(size) => {
                let bytes = self.cursor.take(*size)?;
                self.encoder().bytes(bytes);
            }
            Plan::Date => {
                let days = self.cursor.int()?;
                self.encoder().date(days);
            }
            Plan::Time => {
                let milliseconds = self.cursor.int()?;
                if !(0..=DAY_MS).contains(&milliseconds.into()) {
                    return Err(Fault::Time(milliseconds));
                }
                self.encoder().time(milliseconds);
            }
            Plan::Timestamp => {
                let milliseconds = self.cursor.long()?;
                self.encoder().timestamp(milliseconds);
            }
            Plan::Decimal(scale, size) => {
                let bytes = match size {
                    None => self.cursor.bytes()?,
                    Some(size) => self.cursor.take(*size)?,
                };
                self.decimal(*scale, bytes)?;
            }
            Plan::Enum(symbols) => {
                let place = self.cursor.place(symbols.len())?;
                let symbol = symbols.get(place).ok_or(Fault::End)?;
                self.encoder().encoded(symbol);
            }
            Plan::Array(items) => self.array(items, depth_left)?,
            Plan::Map(values) => self.map(values, depth_left)?,
            Plan::Entries(entry, turned) => self.entries(entry, *turned, depth_left)?,
            Plan::Record(fields) => {
                let depth_left = deeper(depth_left)?;
                let container = self.encoder().structure();
                for field in fields {
                    self.value(field, depth_left)?;
                }
                self.encoder().end(container, fields.len());
            }
            Plan::Optional(null, other) => {
                if self.cursor.place(2)? == usize::from(*null) {
                    self.encoder().null();
                } else {
                    self.value(other, depth_left)?;
                }
            }
            Plan::Single(only) => {
                self.cursor.place(1)?;
                self.value(only, depth_left)?;
            }
            Plan::Union(branches) => self.union(branches, depth_left)?,
            Plan::Anything => self.anything(depth_left)?,
        }
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        let bytes = self.cursor.bytes()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::Utf8)?;
        self.encoder().string(text);
        Ok(())
    }

    fn decimal(&mut self, scale: i32, unscaled: &[u8]) -> Result<(), Fault> {
        if unscaled.is_empty() {
            return Err(Fault::Decimal);
        }
        self.encoder().decimal(scale, shortest(unscaled));
        Ok(())
    }

    fn array(&mut self, items: &Plan, depth_left: usize) -> Result<(), Fault> {
        let depth_left = deeper(depth_left)?;
        let container = self.encoder().array();
        let count = self.blocks(|reader| reader.value(items, depth_left))?;
        self.encoder().end(container, count);
        Ok(())
    }

    fn map(&mut self, values: &Plan, depth_left: usize) -> Result<(), Fault> {
        let depth_left = deeper(depth_left)?;
        let container = self.encoder().map();
        let body = self.out.len();
        let count = self.blocks(|reader| {
            reader.string()?;
            reader.value(values, depth_left)
        })?;
        let count = keep_last(self.out, body, count);
        self.encoder().end(container, count);
        Ok(())
    }

    fn entries(
        &mut self,
        entry: &(Plan, Plan),
        turned: bool,
        depth_left: usize,
    ) -> Result<(), Fault> {
        let depth_left = deeper(depth_left)?;
        let container = self.encoder().map();
        let body = self.out.len();
        let count = self.blocks(|reader| {
            if turned {
                let start = reader.out.len();
                reader.value(&entry.1, depth_left)?;
                let value = reader.out.len() - start;
                reader.value(&entry.0, depth_left)?;
                if let Some(entry) = reader.out.get_mut(start..) {
                    entry.rotate_left(value);
                }
                return Ok(());
            }
            reader.value(&entry.0, depth_left)?;
            reader.value(&entry.1, depth_left)
        })?;
        let count = keep_last(self.out, body, count);
        self.encoder().end(container, count);
        Ok(())
    }

    /// Reads elements, block by block. Some take no byte, so the limit is on what they become.
    #[inline]
    fn blocks(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        let mut count = 0;
        loop {
            let block = self.cursor.block()?;
            if block == 0 {
                return Ok(count);
            }
            for _ in 0..block {
                element(self)?;
                count += 1;
                if self.out.len() > self.limit {
                    return Err(Fault::Size(ENCODED_BYTES_MAX));
                }
            }
        }
    }

    fn union(&mut self, branches: &[Plan], depth_left: usize) -> Result<(), Fault> {
        let place = self.cursor.place(branches.len())?;
        let branch = branches.get(place).ok_or(Fault::End)?;
        if matches!(branch, Plan::Null) {
            self.encoder().null();
            return Ok(());
        }
        let depth_left = deeper(depth_left)?;
        let container = self.encoder().structure();
        let mut fields = 0;
        for (index, other) in branches.iter().enumerate() {
            match other {
                Plan::Null => continue,
                _ if index == place => self.value(branch, depth_left)?,
                _ => self.encoder().null(),
            }
            fields += 1;
        }
        self.encoder().end(container, fields);
        Ok(())
    }

    /// Reads a value without a schema: a record that has an optional field for each type, of which the first that is
    /// set counts.
    fn anything(&mut self, depth_left: usize) -> Result<(), Fault> {
        const TYPES: [Plan; 7] = [
            Plan::Boolean,
            Plan::Bytes,
            Plan::Float64,
            Plan::Float32,
            Plan::Int32,
            Plan::Int64,
            Plan::String,
        ];
        let start = self.out.len();
        let mut end = start;
        for plan in TYPES {
            if self.cursor.place(2)? == 1 {
                self.value(&plan, depth_left)?;
            }
            self.keep_first(start, &mut end);
        }
        if self.cursor.place(2)? == 1 {
            self.array(&Plan::Anything, depth_left)?;
        }
        self.keep_first(start, &mut end);
        if self.cursor.place(2)? == 1 {
            let depth_left = deeper(depth_left)?;
            let container = self.encoder().map();
            let body = self.out.len();
            let count = self.blocks(|reader| {
                reader.anything(depth_left)?;
                reader.anything(depth_left)
            })?;
            let count = keep_last(self.out, body, count);
            self.encoder().end(container, count);
        }
        self.keep_first(start, &mut end);
        if end == start {
            self.encoder().null();
        }
        Ok(())
    }

    /// Cuts off what follows the first value.
    fn keep_first(&mut self, start: usize, end: &mut usize) {
        if *end == start {
            *end = self.out.len();
        } else {
            self.out.truncate(*end);
        }
    }

    #[inline]
    fn encoder(&mut self) -> Encoder<'_> {
        Encoder::new(self.out)
    }
}

fn deeper(depth_left: usize) -> Result<usize, Fault> {
    depth_left.checked_sub(1).ok_or(Fault::Depth)
}
