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
    BATCH_BYTES_MAX, FaultKind, Limit, Limits, OpenOptions, RawBatch, RawReader, RowFault, SourceError, SourceKind, Sum,
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
    let mut keys = Keys::default();
    let mut lines = Lines::open(path, limits)?;
    while let Some((line, text)) = lines.next()? {
        parse(&text, line, Object { sink: &mut keys, prefix: "", depth: 0 })?;
        keys.guess = 0;
        limits.check_columns(keys.names.len(), line)?;
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
        let mut row =
            Row { keys: &mut self.keys, cells: vec![String::new(); width], is_set: vec![false; width], fault: None };
        let mut batch_bytes = 0;
        while lines.len() < BATCH_ROWS && batch_bytes < BATCH_BYTES_MAX {
            let Some((line, text)) = self.lines.next()? else { break };
            batch_bytes += text.len();
            parse(&text, line, Object { sink: &mut row, prefix: "", depth: 0 })?;
            row.keys.guess = 0;
            if let Some((kind, column)) = row.fault.take() {
                faults.push(RowFault { row: lines.len() as u32, column: Some(column as u32), kind });
            }
            for (cell, column) in row.cells.iter_mut().zip(&mut columns) {
                if cell.len() > self.limits.cell_bytes_max {
                    return Err(SourceError::over(Limit::CellBytes, self.limits.cell_bytes_max as u64, Some(line)));
                }
                column.append_option(Some(&*cell).filter(|text| !text.is_empty()));
                cell.clear();
            }
            row.is_set.fill(false);
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
    fn value(&mut self, name: &str, text: &str, is_rounded: bool);
}

/// The keys seen, in the order they were first seen.
#[derive(Default)]
struct Keys {
    names: Vec<String>,
    index: HashMap<String, usize>,
    /// Where the next key is likely to be: senders keep to one order.
    guess: usize,
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

    fn value(&mut self, name: &str, _: &str, _: bool) {
        if self.find(name).is_none() {
            self.index.insert(name.to_owned(), self.names.len());
            self.names.push(name.to_owned());
        }
    }
}

struct Row<'a> {
    keys: &'a mut Keys,
    cells: Vec<String>,
    is_set: Vec<bool>,
    /// The first fault of the row and its column.
    fault: Option<(FaultKind, usize)>,
}

impl Sink for Row<'_> {
    fn wants_values(&self) -> bool {
        true
    }

    fn value(&mut self, name: &str, text: &str, is_rounded: bool) {
        let Some(column) = self.keys.find(name) else { return };
        if is_rounded {
            self.fault.get_or_insert((FaultKind::LostDigits, column));
        }
        if std::mem::replace(&mut self.is_set[column], true) {
            self.fault.get_or_insert((FaultKind::DuplicateField, column));
            self.cells[column].clear();
        }
        self.cells[column].push_str(text);
    }
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
    fn visit_plain<E>(self, text: &str) -> Result<(), E> {
        self.sink.value(self.name, text, false);
        Ok(())
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

    fn visit_unit<E>(self) -> Result<(), E> {
        self.visit_plain("")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.visit_plain(text)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.visit_plain(if value { "true" } else { "false" })
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.visit_plain(itoa::Buffer::new().format(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.visit_plain(itoa::Buffer::new().format(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        let (text, is_rounded) = super::number_text(value);
        self.sink.value(self.name, &text, is_rounded);
        Ok(())
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
            return self.visit_plain("");
        }
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<serde_json::Value>()? {
            items.push(item);
        }
        self.visit_plain(&serde_json::Value::Array(items).to_string())
    }
}
