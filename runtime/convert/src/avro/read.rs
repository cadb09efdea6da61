//! Avro's bytes to encoded Connect values, by a plan that is worked out once per schema.

use tidegate_model::limits::{CALL_BYTES_TO_GUEST_MAX, VALUE_DEPTH_MAX};
use tidegate_model::value::{Encoder, tag};

use super::Fault;
use super::names::is_map_entry;
use super::options::DataOptions;
use super::schema::{Kind, NodeId, Nodes};
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
    /// An array of entries.
    Entries(Box<(Plan, Plan)>),
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
    /// Works out how values of a schema are read that was found not to contain itself.
    pub(super) fn new(nodes: &Nodes, id: NodeId, options: &DataOptions) -> Self {
        let node = nodes.at(id);
        let boxed = |id: NodeId| Box::new(Self::new(nodes, id, options));
        let logical = |name: &str| {
            node.logical()
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        let scale = || {
            let scale = node.props.get("scale").and_then(serde_json::Value::as_i64);
            i32::try_from(scale.unwrap_or(0)).unwrap_or(0)
        };
        match &node.kind {
            Kind::Null => Self::Null,
            Kind::Boolean => Self::Boolean,
            Kind::Int if logical("date") => Self::Date,
            Kind::Int if logical("time-millis") => Self::Time,
            Kind::Int => match (node.logical(), node.text("connect.type")) {
                (None, Some("int8")) => Self::Int8,
                (None, Some("int16")) => Self::Int16,
                _ => Self::Int32,
            },
            Kind::Long if logical("timestamp-millis") => Self::Timestamp,
            Kind::Long => Self::Int64,
            Kind::Float => Self::Float32,
            Kind::Double => Self::Float64,
            Kind::String => Self::String,
            Kind::Bytes if logical("decimal") => Self::Decimal(scale(), None),
            Kind::Bytes => Self::Bytes,
            Kind::Fixed(size) if logical("decimal") => Self::Decimal(scale(), Some(*size)),
            Kind::Fixed(size) => Self::Fixed(*size),
            Kind::Enum { symbols, .. } => {
                Self::Enum(symbols.iter().map(|symbol| text(symbol)).collect())
            }
            Kind::Array(items) => match &nodes.at(*items).kind {
                Kind::Record(fields) if is_map_entry(nodes.at(*items)) => {
                    let mut plans = fields
                        .iter()
                        .map(|field| Self::new(nodes, field.node, options));
                    let (key, value) = (plans.next(), plans.next());
                    Self::Entries(Box::new((
                        key.unwrap_or(Self::Null),
                        value.unwrap_or(Self::Null),
                    )))
                }
                _ => Self::Array(boxed(*items)),
            },
            Kind::Map(values) => Self::Map(boxed(*values)),
            Kind::Record(fields) => Self::Record(
                fields
                    .iter()
                    .map(|field| Self::new(nodes, field.node, options))
                    .collect(),
            ),
            Kind::Union(branches) => match (nodes.optional(branches), branches.as_slice()) {
                (Some((null, other)), _) => Self::Optional(null, boxed(other)),
                (None, [only]) if options.flatten => Self::Single(boxed(*only)),
                (None, branches) => Self::Union(
                    branches
                        .iter()
                        .map(|branch| Self::new(nodes, *branch, options))
                        .collect(),
                ),
            },
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
            Plan::Entries(entry) => self.entries(entry, depth_left)?,
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
        self.encoder().decimal(scale, unscaled);
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

    fn entries(&mut self, entry: &(Plan, Plan), depth_left: usize) -> Result<(), Fault> {
        let depth_left = deeper(depth_left)?;
        let container = self.encoder().map();
        let body = self.out.len();
        let count = self.blocks(|reader| {
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
