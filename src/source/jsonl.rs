//! JSON Lines: one object per line, each key a column. Objects inside objects become paths (`经营者/姓名`), lists stay
//! JSON text. The file is read twice, first for its keys, because senders leave empty fields out.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use hashbrown::HashMap;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::{TextReader, significant_start};
use super::{
    BATCH_BYTES_MAX, FaultKind, Limit, Limits, NAME_BYTES_MAX, OpenOptions, RawBatch, RawReader, RowFault, SourceError,
    SourceKind, Sum,
};

pub(super) static KIND: SourceKind = SourceKind {
    name: "jsonl",
    extensions: &["jsonl", "ndjson", "json"],
    growth: 1,
    matches: |head| {
        let start = significant_start(head);
        let second = start.iter().skip(1).find(|b| !b.is_ascii_whitespace());
        start.first() == Some(&b'{') && matches!(second, Some(b'"' | b'}'))
    },
    open,
};

const BATCH_ROWS: usize = 8_192;
/// Objects inside objects inside objects: deeper than this is not a table.
const DEPTH_MAX: usize = 8;

struct JsonReader {
    lines: Lines,
    keys: Keys,
    schema: SchemaRef,
    limits: Limits,
    sum: Sum,
}

fn open(path: &Path, options: &OpenOptions<'_>) -> Result<Box<dyn RawReader>, SourceError> {
    let limits = options.limits;
    let mut keys = Keys { columns_max: limits.columns_max, ..Keys::default() };
    let mut lines = Lines::open(path, limits)?;
    while let Some((line, text)) = lines.next()? {
        let parsed = parse(&text, line, Object { sink: &mut keys, prefix: "", depth: 0 });
        if let Some((limit, allowed)) = keys.exceeded {
            return Err(SourceError::over(limit, allowed as u64, Some(line)));
        }
        parsed?;
        keys.guess = 0;
    }
    if keys.names.is_empty() {
        return Err(SourceError::NoHeader);
    }
    let fields: Vec<Field> = keys.names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    Ok(Box::new(JsonReader {
        lines: Lines::open(path, limits)?,
        keys,
        schema: Arc::new(Schema::new(fields)),
        limits,
        sum: Sum::default(),
    }))
}

impl RawReader for JsonReader {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn header(&self) -> &[String] {
        &self.keys.names
    }

    fn header_line(&self) -> u32 {
        0
    }

    fn encoding(&self) -> Option<&'static str> {
        Some(self.lines.input.encoding())
    }

    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        let width = self.keys.names.len();
        let mut columns: Vec<StringBuilder> = (0..width).map(|_| StringBuilder::new()).collect();
        let (mut lines, mut faults) = (Vec::new(), Vec::new());
        let mut row = Row {
            keys: &mut self.keys,
            cells: vec![String::new(); width],
            marks: vec![Marks::default(); width],
            has_faults: false,
        };
        let mut batch_bytes = 0;
        while lines.len() < BATCH_ROWS && batch_bytes < BATCH_BYTES_MAX {
            let Some((line, text)) = self.lines.next()? else { break };
            batch_bytes += text.len();
            parse(&text, line, Object { sink: &mut row, prefix: "", depth: 0 })?;
            row.keys.guess = 0;
            row.take_faults(lines.len() as u32, &mut faults);
            for (cell, column) in row.cells.iter_mut().zip(&mut columns) {
                if cell.len() > self.limits.cell_bytes_max {
                    return Err(SourceError::over(Limit::CellBytes, self.limits.cell_bytes_max as u64, Some(line)));
                }
                column.append_option(Some(&*cell).filter(|text| !text.is_empty()));
                cell.clear();
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let columns = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let values = RecordBatch::try_new(self.schema.clone(), columns).map_err(|_| SourceError::Damaged {
            what: "text",
            detail: "its columns differ in length",
            line: None,
        })?;
        self.limits.check_batch(&mut self.sum, &values)?;
        Ok(Some(RawBatch { values, lines, faults, part: None }))
    }
}

/// The non-blank lines of a text file with their numbers.
struct Lines {
    input: TextReader,
    text: Vec<u8>,
    at: usize,
    line: u32,
    record_bytes_max: usize,
}

impl Lines {
    fn open(path: &Path, limits: Limits) -> Result<Lines, SourceError> {
        let record_bytes_max = limits.record_bytes_max();
        Ok(Lines { input: TextReader::open(path)?, text: Vec::new(), at: 0, line: 0, record_bytes_max })
    }

    fn next(&mut self) -> Result<Option<(u32, Cow<'_, str>)>, SourceError> {
        let mut searched = self.at;
        let (start, end) = loop {
            let end = match memchr::memchr(b'\n', &self.text[searched..]) {
                Some(length) => searched + length,
                None if self.input.is_at_end() && self.at < self.text.len() => self.text.len(),
                None if self.input.is_at_end() => return Ok(None),
                None => {
                    if self.text.len() - self.at > self.record_bytes_max {
                        let line = Some(self.line + 1);
                        return Err(SourceError::over(Limit::RecordBytes, self.record_bytes_max as u64, line));
                    }
                    self.text.drain(..self.at);
                    (self.at, searched) = (0, self.text.len());
                    self.input.fill(&mut self.text)?;
                    continue;
                }
            };
            let start = self.at;
            self.line += 1;
            self.at = (end + 1).min(self.text.len());
            searched = self.at;
            if !self.text[start..end].trim_ascii().is_empty() {
                break (start, end);
            }
        };
        Ok(Some((self.line, String::from_utf8_lossy(&self.text[start..end]))))
    }
}

fn parse<S: Sink>(text: &str, line: u32, object: Object<'_, S>) -> Result<(), SourceError> {
    let mut json = serde_json::Deserializer::from_str(text);
    object.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| {
        // The library's own text may quote the value, so only its class is told.
        let detail = match error.classify() {
            serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Data => "not an object of plain values",
            _ => "wrong syntax",
        };
        SourceError::BadJson { line, column: error.column(), detail }
    })
}

/// Receives the values of one object; `name` is the path of the key. Null comes as an empty text.
trait Sink {
    fn wants_values(&self) -> bool;
    /// False if the object shall not be read on.
    fn value(&mut self, name: &str, text: &str, is_rounded: bool) -> bool;
    /// A key's path is too long to be formed.
    fn long_name(&mut self);
}

/// The keys seen, in the order they were first seen.
#[derive(Default)]
struct Keys {
    names: Vec<String>,
    index: HashMap<String, usize>,
    /// Where the next key is likely to be: senders keep to one order.
    guess: usize,
    columns_max: usize,
    /// The limit that a line went over, and what it allows. One line may hold millions of keys.
    exceeded: Option<(Limit, usize)>,
}

impl Keys {
    fn find(&mut self, name: &str) -> Option<usize> {
        let found = match self.names.get(self.guess) {
            Some(guessed) if guessed == name => self.guess,
            _ => *self.index.get(name)?,
        };
        self.guess = found + 1;
        Some(found)
    }
}

impl Sink for Keys {
    fn wants_values(&self) -> bool {
        false
    }

    fn value(&mut self, name: &str, _: &str, _: bool) -> bool {
        if self.find(name).is_some() {
            return true;
        }
        if self.names.len() >= self.columns_max {
            self.exceeded = Some((Limit::Columns, self.columns_max));
            return false;
        }
        self.index.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        true
    }

    fn long_name(&mut self) {
        self.exceeded = Some((Limit::NameBytes, NAME_BYTES_MAX));
    }
}

struct Row<'a> {
    keys: &'a mut Keys,
    cells: Vec<String>,
    marks: Vec<Marks>,
    has_faults: bool,
}

/// What was seen of one column in one row.
#[derive(Clone, Copy, Default)]
struct Marks {
    is_set: bool,
    is_rounded: bool,
    is_repeated: bool,
}

impl Row<'_> {
    /// Adds the faults of the row that was read, each kind once for a column, and forgets them.
    fn take_faults(&mut self, row: u32, faults: &mut Vec<RowFault>) {
        if std::mem::take(&mut self.has_faults) {
            for (column, marks) in self.marks.iter().enumerate() {
                let kinds = [(marks.is_rounded, FaultKind::LostDigits), (marks.is_repeated, FaultKind::DuplicateField)];
                let found = kinds.into_iter().filter(|(is_found, _)| *is_found);
                faults.extend(found.map(|(_, kind)| RowFault { row, column: Some(column as u32), kind }));
            }
        }
        self.marks.fill(Marks::default());
    }
}

impl Sink for Row<'_> {
    fn wants_values(&self) -> bool {
        true
    }

    fn value(&mut self, name: &str, text: &str, is_rounded: bool) -> bool {
        let Some(column) = self.keys.find(name) else { return true };
        let marks = &mut self.marks[column];
        marks.is_rounded |= is_rounded;
        if std::mem::replace(&mut marks.is_set, true) {
            marks.is_repeated = true;
            self.cells[column].clear();
        }
        self.has_faults |= marks.is_rounded || marks.is_repeated;
        self.cells[column].push_str(text);
        true
    }

    fn long_name(&mut self) {}
}

/// Walks an object into its sink.
struct Object<'s, S> {
    sink: &'s mut S,
    /// Path of the object with a trailing slash, or nothing.
    prefix: &'s str,
    depth: usize,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Object<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Object<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if self.prefix.len() + key.len() > NAME_BYTES_MAX {
                self.sink.long_name();
                return Err(serde::de::Error::custom("a name is too long"));
            }
            let path;
            let name = if self.prefix.is_empty() {
                key.trim()
            } else {
                path = format!("{}{}", self.prefix, key.trim());
                &path
            };
            map.next_value_seed(Member { sink: self.sink, name, depth: self.depth })?;
        }
        Ok(())
    }
}

struct Member<'s, S> {
    sink: &'s mut S,
    name: &'s str,
    depth: usize,
}

impl<S: Sink> Member<'_, S> {
    fn visit_plain<E: serde::de::Error>(self, text: &str, is_rounded: bool) -> Result<(), E> {
        if self.sink.value(self.name, text, is_rounded) { Ok(()) } else { Err(E::custom("there are too many columns")) }
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Member<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Member<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_plain("", false)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.visit_plain(text, false)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.visit_plain(if value { "true" } else { "false" }, false)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.visit_plain(itoa::Buffer::new().format(value), false)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_plain(itoa::Buffer::new().format(value), false)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        let (text, is_rounded) = super::number_text(value);
        self.visit_plain(&text, is_rounded)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        if self.depth >= DEPTH_MAX {
            return Err(serde::de::Error::custom("nested too deeply"));
        }
        let prefix = format!("{}/", self.name);
        Object { sink: self.sink, prefix: &prefix, depth: self.depth + 1 }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if !self.sink.wants_values() {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return self.visit_plain("", false);
        }
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<serde_json::Value>()? {
            items.push(item);
        }
        self.visit_plain(&serde_json::Value::Array(items).to_string(), false)
    }
}
