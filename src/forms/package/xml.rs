//! XML as text with places: what is not changed keeps its bytes. Names are compared without their prefix.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::escape::{partial_escape, unescape};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// What is wrong with a part, from a fixed list; whoever knows the part's name adds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

pub(super) type Parsed<T> = Result<T, Broken>;

const NOT_WELL_FORMED: Broken = Broken("it is not well-formed XML");

/// An opening tag, or an element without content.
#[derive(Debug, Clone)]
pub(super) struct Tag<'t> {
    pub(super) name: &'t str,
    pub(super) prefix: &'t str,
    pub(super) at: Range<usize>,
    /// Where its attributes begin, after the name.
    attributes_from: usize,
    text: &'t str,
}

#[derive(Debug, Clone)]
pub(super) enum Node<'t> {
    Open(Tag<'t>),
    Empty(Tag<'t>),
    Close { name: &'t str, at: Range<usize> },
}

/// Reads the tags of a part one after the other.
pub(super) struct Scan<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// The length of a byte-order mark.
    before: usize,
    depth: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let without = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, reader: Reader::from_str(without), before: text.len() - without.len(), depth: 0 }
    }

    pub(super) fn next(&mut self) -> Parsed<Option<Node<'t>>> {
        loop {
            let start = self.position()?;
            let event = self.reader.read_event().map_err(|_| NOT_WELL_FORMED)?;
            let is_empty = match event {
                Event::Start(_) => false,
                Event::Empty(_) => true,
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or(NOT_WELL_FORMED)?;
                    let at = start..self.position()?;
                    let inside = self.text.get(at.start + 2..at.end - 1).ok_or(NOT_WELL_FORMED)?;
                    let (_, name) = split(inside.trim_ascii_end());
                    return Ok(Some(Node::Close { name, at }));
                }
                Event::Eof if self.depth == 0 => return Ok(None),
                Event::Eof => return Err(Broken("its end is missing")),
                _ => continue,
            };
            let at = start..self.position()?;
            let inside = self.text.get(at.start + 1..at.end).ok_or(NOT_WELL_FORMED)?;
            let ends = |sign: char| sign.is_ascii_whitespace() || matches!(sign, '/' | '>');
            let length = inside.find(ends).ok_or(NOT_WELL_FORMED)?;
            let (prefix, name) = split(&inside[..length]);
            let tag = Tag { name, prefix, attributes_from: at.start + 1 + length, at, text: self.text };
            if is_empty {
                return Ok(Some(Node::Empty(tag)));
            }
            self.depth += 1;
            return Ok(Some(Node::Open(tag)));
        }
    }

    fn position(&self) -> Parsed<usize> {
        let read = usize::try_from(self.reader.buffer_position()).map_err(|_| NOT_WELL_FORMED)?;
        Ok(self.before + read)
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

impl<'t> Tag<'t> {
    /// Names, as they stand with their prefix, and the places of values.
    pub(super) fn attributes(&self) -> Attributes<'t> {
        Attributes { text: self.text, at: self.attributes_from, end: self.at.end }
    }

    /// The place of a value.
    pub(super) fn place(&self, name: &str) -> Parsed<Option<Range<usize>>> {
        for attribute in self.attributes() {
            let (found, at) = attribute?;
            if found == name {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// A value as it is meant.
    pub(super) fn value(&self, name: &str) -> Parsed<Option<Cow<'t, str>>> {
        self.place(name)?.map(|at| plain(&self.text[at])).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Parsed<Option<u32>> {
        Ok(self.value(name)?.and_then(|value| value.trim().parse().ok()))
    }

    pub(super) fn text_at(&self, at: Range<usize>) -> &'t str {
        &self.text[at]
    }

    /// The end of the tag's name: where an attribute can be put.
    pub(super) fn name_end(&self) -> usize {
        self.attributes_from
    }

    /// The prefix of its kind with the colon, for tags that are put beside it.
    pub(super) fn own_prefix(&self) -> String {
        with_colon(self.prefix)
    }
}

pub(super) fn with_colon(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}:") }
}

pub(super) struct Attributes<'t> {
    text: &'t str,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Attributes<'t> {
    type Item = Parsed<(&'t str, Range<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..self.end];
        let trimmed = rest.trim_ascii_start();
        if trimmed.starts_with(['/', '>', '?']) || trimmed.is_empty() {
            return None;
        }
        let start = self.end - trimmed.len();
        let found = (|| {
            let equals = trimmed.find('=')?;
            let name = trimmed[..equals].trim_ascii_end();
            let value = trimmed[equals + 1..].trim_ascii_start();
            let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
            let from = start + (trimmed.len() - value.len()) + 1;
            let length = value[1..].find(quote)?;
            let is_name = !name.is_empty() && !name.contains(|sign: char| sign.is_ascii_whitespace() || sign == '<');
            is_name.then_some((name, from..from + length))
        })();
        self.at = found.as_ref().map_or(self.end, |(_, at)| at.end + 1);
        Some(found.ok_or(NOT_WELL_FORMED))
    }
}

/// What a piece of text or a value means.
pub(super) fn plain(raw: &str) -> Parsed<Cow<'_, str>> {
    if raw.contains('<') {
        return Err(Broken("there is markup where text belongs"));
    }
    unescape(raw).map_err(|_| Broken("there is a reference to an entity that XML does not know"))
}

/// As the value of an attribute in double quotes.
pub(super) fn escaped(text: &str) -> String {
    partial_escape(known(text)).replace('"', "&quot;")
}

/// As text between tags.
pub(super) fn escaped_text(text: &str) -> String {
    partial_escape(known(text)).into_owned()
}

/// Without what XML has no way to write.
fn known(text: &str) -> Cow<'_, str> {
    let is_known = |sign: char| matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(is_known) {
        return text.into();
    }
    text.chars().filter(|sign| is_known(*sign)).collect::<String>().into()
}

/// Changes of one part, in any order, none inside another.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub(super) fn replace(&mut self, at: Range<usize>, text: impl Into<String>) {
        self.0.push((at, text.into()));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Gives an attribute a value, whether it is there or not.
    pub(super) fn set(&mut self, tag: &Tag<'_>, name: &str, value: &str) -> Parsed<()> {
        match tag.place(name)? {
            Some(at) => self.replace(at, escaped(value)),
            None => self.insert(tag.name_end(), format!(" {name}=\"{}\"", escaped(value))),
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn apply(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + self.0.iter().map(|(_, new)| new.len()).sum::<usize>());
        self.write(text, 0..text.len(), &mut out);
        out
    }

    /// Writes a piece of the text with its changes. Insertions at one place keep their order.
    pub(super) fn write(mut self, text: &str, piece: Range<usize>, out: &mut String) {
        self.0.sort_by_key(|(at, _)| (at.start, at.end));
        let mut done = piece.start;
        for (at, new) in self.0 {
            if at.start < done {
                continue;
            }
            out.push_str(&text[done..at.start]);
            out.push_str(&new);
            done = at.end;
        }
        out.push_str(&text[done..piece.end]);
    }
}
