//! What the typesetter may read: the page's layout, the document's data, its charts, fonts. No file, no network, no
//! clock.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_kit::fonts::FontStore;

const PAGE: &str = include_str!("page.typ");

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(<Library as LibraryExt>::default()));

pub(super) struct SummaryWorld<'a> {
    fonts: &'a FontStore,
    page: Source,
    files: BTreeMap<String, Bytes>,
}

impl<'a> SummaryWorld<'a> {
    /// `files` by name, such as `document.json`.
    pub(super) fn new(fonts: &'a FontStore, files: BTreeMap<String, Vec<u8>>) -> Self {
        let page = Source::new(file_id("page.typ"), PAGE.to_owned());
        Self { fonts, page, files: files.into_iter().map(|(name, bytes)| (name, Bytes::new(bytes))).collect() }
    }
}

impl World for SummaryWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.page.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.page.id() { Ok(self.page.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(id.get().vpath().get_without_slash()).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn file_id(name: &str) -> FileId {
    // Names without dots and slashes of their own are always paths.
    let path = VirtualPath::new(name).unwrap_or_else(|error| unreachable!("`{name}` is a path: {error}"));
    FileId::new(RootedPath::new(VirtualRoot::Project, path))
}
