//! The record out of a file, whoever has had the file meanwhile: nothing in it is trusted, and little is read.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::ZlibDecoder;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

use super::{Beside, META, NoRecord, Provenance, beside};

/// A text of some pages with its fonts is a few million bytes.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// A record takes some kilobytes, and some hundred at the very most.
const RECORD_BYTES_MAX: u64 = 4 << 20;

/// Attachments of a PDF that are looked at.
const ATTACHMENTS_MAX: usize = 16;

/// Where Excel and Word keep the properties that a person may add.
const CUSTOM_PROPERTIES: &str = "docProps/custom.xml";

/// What a file says of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// In the file itself; `None` where it has none.
    pub embedded: Option<Result<Provenance, NoRecord>>,
    /// In the `.json` beside it; `None` where there is none.
    pub beside: Option<Result<Beside, NoRecord>>,
}

impl Carried {
    /// Reads both places.
    ///
    /// # Errors
    /// Where the file itself cannot be read.
    pub fn of(file: &Path) -> std::io::Result<Self> {
        let embedded = embedded(file)?.map(|text| text.and_then(|text| Provenance::parse(&text)));
        let beside = match read_bounded(&beside(file)) {
            Ok(bytes) => Some(text_of(bytes).and_then(|text| Beside::parse(&text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(Err(NoRecord::Unreadable(error.to_string()))),
        };
        Ok(Self { embedded, beside })
    }

    /// The record, from the file itself where it has one.
    pub fn record(&self) -> Option<&Provenance> {
        let embedded = self.embedded.as_ref().and_then(|found| found.as_ref().ok());
        embedded.or_else(|| self.beside.as_ref()?.as_ref().ok().map(|beside| &beside.record))
    }
}

/// The text of the record in `file`; `None` where it has none.
fn embedded(file: &Path) -> std::io::Result<Option<Result<String, NoRecord>>> {
    let mut head = Vec::new();
    File::open(file)?.take(5).read_to_end(&mut head)?;
    match head.as_slice() {
        [b'P', b'K', 3, 4, ..] => Ok(in_package(File::open(file)?).transpose()),
        b"%PDF-" => Ok(in_document(File::open(file)?)?.map(Ok)),
        _ => Ok(in_page(File::open(file)?)?.map(Ok)),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, NoRecord> {
    String::from_utf8(bytes).map_err(|_| NoRecord::Unreadable("it is no text".to_owned()))
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(RECORD_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The record of a workbook or text document: one part of the package is unpacked, and no more of it than a record takes.
fn in_package(file: File) -> Result<Option<String>, NoRecord> {
    let broken = |_| NoRecord::Unreadable("the file is no whole package".to_owned());
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let Some(index) = archive.index_for_name(CUSTOM_PROPERTIES) else { return Ok(None) };
    let part = archive.by_index(index).map_err(broken)?;
    let mut bytes = Vec::new();
    let unpacked = part.take(RECORD_BYTES_MAX).read_to_end(&mut bytes);
    unpacked.map_err(|_| NoRecord::Unreadable("its properties do not unpack".to_owned()))?;
    Ok(Provenance::text_of_properties(&properties(&text_of(bytes)?)?))
}

/// Names and texts of custom properties, whichever program has written them.
fn properties(xml: &str) -> Result<Vec<(String, String)>, NoRecord> {
    let torn = || NoRecord::Unreadable("its properties are no XML".to_owned());
    let mut reader = Reader::from_str(xml);
    let (mut found, mut name, mut value) = (Vec::new(), None, String::new());
    loop {
        match reader.read_event().map_err(|_| torn())? {
            Event::Start(tag) if tag.local_name().as_ref() == "property" => {
                let attribute = tag.try_get_attribute("name").map_err(|_| torn())?;
                let text = attribute.map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0));
                name = text.transpose().map_err(|_| torn())?.map(|text| text.into_owned());
                value.clear();
            }
            Event::Text(text) if name.is_some() => value.push_str(&text),
            Event::GeneralRef(entity) if name.is_some() => {
                let entity = format!("&{};", &*entity);
                value.push_str(&unescape(&entity).map_err(|_| torn())?);
            }
            Event::End(tag) if tag.local_name().as_ref() == "property" => {
                found.extend(name.take().map(|name| (name, std::mem::take(&mut value))));
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// When and by which program a workbook or text document was last saved, as it says itself.
pub(super) fn last_saved(file: &Path) -> Option<String> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(file).ok()?)).ok()?;
    let mut element = |part: &str, name: &str| {
        let mut text = String::new();
        archive.by_name(part).ok()?.take(RECORD_BYTES_MAX).read_to_string(&mut text).ok()?;
        let mut reader = Reader::from_str(&text);
        let mut inside = false;
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => inside = tag.local_name().as_ref() == name,
                Event::Text(text) if inside => return Some(text.to_string()),
                Event::End(_) => inside = false,
                Event::Eof => return None,
                _ => {}
            }
        }
    };
    let (when, program) = (element("docProps/core.xml", "modified"), element("docProps/app.xml", "Application"));
    match (when, program) {
        (Some(when), Some(program)) => Some(format!("{when} by {program}")),
        (when, program) => when.or(program),
    }
}

/// The record of a PDF: the attached file that is one. Attachments lie in the file as streams of their own.
fn in_document(file: File) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes)?;
    let after = |from: usize, what: &[u8]| Some(from + memchr::memmem::find(&bytes[from..], what)? + what.len());
    let streams = memchr::memmem::find_iter(&bytes, b"/EmbeddedFile").filter_map(|at| {
        let start = after(at, b"stream")?;
        let start = start + bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let end = after(start, b"endstream")? - b"endstream".len();
        Some(&bytes[start..end])
    });
    // The shape is the first that a record says.
    let is_record = |text: &String| text.starts_with("{\"gridhouse\":");
    let mut texts = streams.take(ATTACHMENTS_MAX).filter_map(|stream| {
        let mut text = String::new();
        let unpacked = ZlibDecoder::new(stream).take(RECORD_BYTES_MAX).read_to_string(&mut text);
        unpacked.ok().map(|_| text).or_else(|| String::from_utf8(stream.to_vec()).ok())
    });
    Ok(texts.find(is_record))
}

/// The record of a page: its `meta` of our name, in the head.
fn in_page(file: File) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(RECORD_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let open = format!("<meta name=\"{META}\" content=\"");
    let Some(start) = text.find(&open).map(|at| at + open.len()) else { return Ok(None) };
    let Some(content) = text[start..].split('"').next() else { return Ok(None) };
    Ok(unescape(content).ok().map(|text| text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        (folder, path)
    }

    fn package(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in parts {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a part");
            std::io::Write::write_all(&mut zip, text.as_bytes()).expect("a part");
        }
        zip.finish().expect("a package").into_inner()
    }

    #[test]
    fn properties_are_read_as_any_program_writes_them() {
        let xml = "<?xml version=\"1.0\"?><Properties xmlns=\"a\" xmlns:vt=\"b\">\
                   <property fmtid=\"{D}\" pid=\"2\" name=\"record_01\"><vt:lpwstr>{&quot;a&quot;:</vt:lpwstr></property>\
                   <property name=\"n&amp;m\" pid=\"3\"><vt:i4>7</vt:i4></property>\
                   <property pid=\"4\" name=\"record_02\"><vt:lpwstr>\"&#x5F00;福\"}</vt:lpwstr></property></Properties>";
        let found = properties(xml).expect("properties");
        assert_eq!(found[1], ("n&m".to_owned(), "7".to_owned()));
        assert_eq!(Provenance::text_of_properties(&found).as_deref(), Some("{\"a\":\"开福\"}"));
    }

    #[test]
    fn a_page_carries_its_record_in_its_head() {
        let record = super::super::tests::record();
        let text = crate::report::chart::escape(&record.text());
        let page = format!("<html><head><meta name=\"gridhouse\" content=\"{text}\"></head></html>");
        let (_folder, path) = file("a.html", page.as_bytes());
        let carried = Carried::of(&path).expect("a file");
        assert_eq!(carried, Carried { embedded: Some(Ok(record)), beside: None });
    }

    #[test]
    fn a_pdf_carries_its_record_as_an_attachment() {
        let record = super::super::tests::record();
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut packed, record.text().as_bytes()).expect("packed");
        let packed = packed.finish().expect("packed");
        let with = |stream: &[u8]| {
            let other =
                b"%PDF-1.7\n1 0 obj\n<</Type/EmbeddedFile>>\nstream\nhello\nendstream\n/EmbeddedFiles [2 0 R]\n";
            let own = b"3 0 obj\n<</Type /EmbeddedFile /Filter /FlateDecode>>\nstream\r\n";
            let (_folder, path) = file("a.pdf", &[&other[..], &own[..], stream, b"\nendstream\nendobj\n"].concat());
            Carried::of(&path).expect("a file").embedded
        };
        assert_eq!(with(&packed), Some(Ok(record.clone())));
        assert_eq!(with(record.text().as_bytes()), Some(Ok(record)));
        assert_eq!(with(b"nothing of ours"), None);
    }

    #[test]
    fn files_that_carry_nothing_or_lies_are_no_trouble() {
        let none = |name: &str, bytes: &[u8]| Carried::of(&file(name, bytes).1);
        for bytes in [&b""[..], b"PK", b"# text\n", b"\xFF\xFE\x00", b"<meta name=\"gridhouse\" content=\"&broken;\">"]
        {
            let (_folder, path) = file("a.md", bytes);
            assert_eq!(Carried::of(&path).expect("a file").embedded, None, "{bytes:?}");
        }
        assert!(none("gone", b"").is_ok());
        let (_folder, path) = file("a.xlsx", b"PK\x03\x04 and then nothing");
        let carried = Carried::of(&path).expect("a file");
        assert!(matches!(carried.embedded, Some(Err(NoRecord::Unreadable(_)))), "{carried:?}");
        assert_eq!(carried.record(), None);
        let (_folder, path) = file("b.xlsx", &package(&[("a.xml", "<a/>")]));
        assert_eq!(Carried::of(&path).expect("a file").embedded, None);
        let bomb = format!("<Properties>{}</Properties>", " ".repeat(64 << 20));
        let (_folder, path) = file("c.xlsx", &package(&[(CUSTOM_PROPERTIES, &bomb)]));
        assert!(std::fs::metadata(&path).expect("a file").len() < 1 << 20);
        assert_eq!(Carried::of(&path).expect("a file").record(), None);
    }
}
