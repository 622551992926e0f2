//! The parts around the text, and how all are packed: sorted, dated 1980, so that the same summary gives the same bytes.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::xml::escaped;
use crate::report::export::ExportError;
use crate::report::summary::Summary;

pub(super) const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
pub(super) const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const WORD_TYPE: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml";
/// What names properties a program of its own has added.
const CUSTOM_FORMAT: &str = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}";

/// The parts of a package by name.
#[derive(Default)]
pub(super) struct Parts(BTreeMap<String, Vec<u8>>);

impl Parts {
    pub(super) fn xml(&mut self, name: &str, xml: &str) {
        self.0.insert(name.to_owned(), format!("{DECLARATION}{xml}").into_bytes());
    }

    pub(super) fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes);
    }

    /// The package, with what says which part is what.
    pub(super) fn pack(mut self, summary: &Summary) -> Result<Vec<u8>, ExportError> {
        self.xml("docProps/core.xml", &core(summary));
        self.xml("docProps/app.xml", &application(summary));
        self.xml("docProps/custom.xml", &custom(summary));
        let relations = [
            ("document", format!("{RELATIONS}/officeDocument"), "word/document.xml"),
            ("core", format!("{PACKAGE}/relationships/metadata/core-properties"), "docProps/core.xml"),
            ("app", format!("{RELATIONS}/extended-properties"), "docProps/app.xml"),
            ("custom", format!("{RELATIONS}/custom-properties"), "docProps/custom.xml"),
        ]
        .map(|(id, kind, target)| Relation { id: id.to_owned(), kind, target: target.to_owned() });
        self.xml("_rels/.rels", &relationships(&relations));
        self.xml("[Content_Types].xml", &self.content_types());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, part) in &self.0 {
            zip.start_file(name, SimpleFileOptions::default().compression_level(Some(6)))?;
            zip.write_all(part)?;
        }
        Ok(zip.finish()?.into_inner())
    }

    fn content_types(&self) -> String {
        let overrides: String = self
            .0
            .keys()
            .filter_map(|name| Some((name, content_type(name)?)))
            .map(|(name, content_type)| format!("<Override PartName=\"/{name}\" ContentType=\"{content_type}\"/>"))
            .collect();
        format!(
            "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"png\" ContentType=\"image/png\"/>{overrides}</Types>"
        )
    }
}

/// The type of a part that its extension does not tell.
fn content_type(part: &str) -> Option<String> {
    let word = |kind: &str| format!("{WORD_TYPE}.{kind}+xml");
    Some(match part {
        "word/document.xml" => word("document.main"),
        "word/styles.xml" => word("styles"),
        "word/settings.xml" => word("settings"),
        "word/fontTable.xml" => word("fontTable"),
        "word/numbering.xml" => word("numbering"),
        "docProps/core.xml" => "application/vnd.openxmlformats-package.core-properties+xml".to_owned(),
        "docProps/app.xml" => "application/vnd.openxmlformats-officedocument.extended-properties+xml".to_owned(),
        "docProps/custom.xml" => "application/vnd.openxmlformats-officedocument.custom-properties+xml".to_owned(),
        footer if footer.starts_with("word/footer") => word("footer"),
        _ => return None,
    })
}

/// What a part leads to: id, type and target.
pub(super) struct Relation {
    pub id: String,
    pub kind: String,
    pub target: String,
}

pub(super) fn relationships(relations: &[Relation]) -> String {
    let relations: String = relations
        .iter()
        .map(|Relation { id, kind, target }| format!("<Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{target}\"/>"))
        .collect();
    format!("<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}</Relationships>")
}

fn core(summary: &Summary) -> String {
    let created = summary.properties.created.format("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:dcterms=\"http://purl.org/dc/terms/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <dc:title>{}</dc:title><dc:creator>{sender}</dc:creator><dc:description>{}</dc:description><cp:lastModifiedBy>{sender}</cp:lastModifiedBy>\
         <dcterms:created xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:created><dcterms:modified xsi:type=\"dcterms:W3CDTF\">{created}</dcterms:modified>\
         <dc:language>zh-CN</dc:language></cp:coreProperties>",
        escaped(&summary.properties.title),
        escaped(&summary.properties.comment),
        sender = escaped(&summary.front.sender),
    )
}

fn application(summary: &Summary) -> String {
    format!(
        "<Properties xmlns=\"{OFFICE}/extended-properties\"><Application>{}</Application><Company>{}</Company></Properties>",
        env!("CARGO_PKG_NAME"),
        escaped(&summary.front.sender)
    )
}

/// Where the file comes from, as properties that Word shows under 自定义. Numbers 0 and 1 mean something else.
fn custom(summary: &Summary) -> String {
    let properties: String = (2..)
        .zip(summary.properties.record.properties())
        .map(|(number, (name, value))| {
            format!(
                "<property fmtid=\"{CUSTOM_FORMAT}\" pid=\"{number}\" name=\"{}\"><vt:lpwstr>{}</vt:lpwstr></property>",
                escaped(&name),
                escaped(&value)
            )
        })
        .collect();
    format!(
        "<Properties xmlns=\"{OFFICE}/custom-properties\" xmlns:vt=\"{OFFICE}/docPropsVTypes\">{properties}</Properties>"
    )
}
