//! Fonts for what is typeset here: the system's and those of the folder named in the settings, found once per
//! process. Loading one reads its file; a Chinese collection is 20 MB and more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use resvg::usvg::fontdb::{Database, Family, Query, Source};
use typst::foundations::Bytes;
use typst::text::{Font, FontInfo};
use typst_kit::fonts::{self, FontPath, FontSource, FontStore};

/// Signs that a font for Chinese text has; fonts for Japanese lack the second.
const PROBE: [char; 3] = ['网', '对', '。'];

/// What to do where no font can print Chinese.
pub(super) const HOW_TO_GET_FONTS: &str = "install the packages `fonts-noto-cjk` and `fonts-lxgw-wenkai`, or name a folder with fonts as `fonts` under `[paths]` in gridhouse.toml";

pub(super) struct Fonts {
    pub store: FontStore,
    pub is_chinese: bool,
    /// A family that has Chinese signs.
    chinese: String,
    folder: Option<PathBuf>,
    files: Arc<FontFiles>,
    for_pictures: OnceLock<Arc<Database>>,
}

/// The files read so far: all faces of a collection, and whoever draws with them, share one.
#[derive(Default)]
struct FontFiles(Mutex<BTreeMap<PathBuf, Bytes>>);

impl FontFiles {
    fn read(&self, path: &Path) -> Option<Bytes> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = files.get(path) {
            return Some(bytes.clone());
        }
        let bytes = Bytes::new(fs_err::read(path).ok()?);
        files.insert(path.to_owned(), bytes.clone());
        Some(bytes)
    }
}

struct Face {
    place: FontPath,
    files: Arc<FontFiles>,
}

impl FontSource for Face {
    fn load(&self) -> Option<Font> {
        Font::new(self.files.read(&self.place.path)?, self.place.index)
    }
}

impl Fonts {
    /// The same fonts for those who draw pictures; looked up when first asked for.
    pub(super) fn for_pictures(&self) -> Arc<Database> {
        let database = self.for_pictures.get_or_init(|| {
            let mut listed = Database::new();
            if let Some(folder) = &self.folder {
                listed.load_fonts_dir(folder);
            }
            listed.load_system_fonts();
            let mut database = self.with_chinese_read(&listed);
            // Where a picture's own families are not found, its text would be left out.
            database.set_serif_family(&self.chinese);
            database.set_sans_serif_family(&self.chinese);
            Arc::new(database)
        });
        Arc::clone(database)
    }

    /// The same list with the file of the Chinese family at hand, which would be opened anew for every text.
    fn with_chinese_read(&self, listed: &Database) -> Database {
        let chinese = Query { families: &[Family::Name(&self.chinese)], ..Query::default() };
        let in_file = listed.query(&chinese).and_then(|face| listed.face_source(face));
        let path = in_file.and_then(|(source, _)| if let Source::File(path) = source { Some(path) } else { None });
        let read = path.and_then(|path| Some((self.files.read(&path)?, path)));
        let mut database = Database::new();
        for face in listed.faces() {
            let mut face = face.clone();
            if let (Some((bytes, read)), Source::File(path)) = (&read, &face.source)
                && path == read
            {
                face.source = Source::Binary(Arc::new(bytes.clone()));
            }
            database.push_face_info(face);
        }
        database
    }
}

static FOUND: LazyLock<Mutex<BTreeMap<Option<PathBuf>, Arc<Fonts>>>> = LazyLock::new(Mutex::default);

/// The fonts at hand; those in `folder` go first.
pub(super) fn found(folder: Option<&Path>) -> Arc<Fonts> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let fonts = found.entry(folder.map(Path::to_owned)).or_insert_with(|| Arc::new(find(folder)));
    Arc::clone(fonts)
}

fn find(folder: Option<&Path>) -> Fonts {
    let mut store = FontStore::new();
    let files = Arc::new(FontFiles::default());
    let in_files = |(place, info): (FontPath, FontInfo)| (Face { place, files: files.clone() }, info);
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        store.extend(fonts::scan(folder).map(in_files));
    }
    store.extend(fonts::system().map(in_files));
    let book = store.book();
    let is_chinese = |face: usize| {
        book.info(face).is_some_and(|info| PROBE.iter().all(|sign| info.coverage.contains(u32::from(*sign))))
    };
    let mut families: Vec<&str> =
        book.families().filter_map(|(name, mut faces)| faces.any(is_chinese).then_some(name)).collect();
    // Of the regional families of one design, the one for the mainland.
    families.sort_by_key(|name| !name.ends_with(" SC"));
    let chinese = families.first().copied().unwrap_or_default().to_owned();
    Fonts {
        is_chinese: !chinese.is_empty(),
        chinese,
        store,
        folder: folder.map(Path::to_owned),
        files,
        for_pictures: OnceLock::new(),
    }
}
