//! Fonts for what is typeset here: the system's and those of the folder named in the settings, found once per
//! process. Loading one reads its file; a Chinese collection is 20 MB and more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use resvg::usvg::fontdb::Database;
use typst_kit::fonts::{self, FontStore};

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
    for_pictures: OnceLock<Arc<Database>>,
}

impl Fonts {
    /// The same fonts for those who draw pictures; looked up when first asked for.
    pub(super) fn for_pictures(&self) -> Arc<Database> {
        let database = self.for_pictures.get_or_init(|| {
            let mut database = Database::new();
            if let Some(folder) = &self.folder {
                database.load_fonts_dir(folder);
            }
            database.load_system_fonts();
            // Where a picture's own families are not found, its text would be left out.
            database.set_serif_family(&self.chinese);
            database.set_sans_serif_family(&self.chinese);
            Arc::new(database)
        });
        Arc::clone(database)
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
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        store.extend(fonts::scan(folder));
    }
    store.extend(fonts::system());
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
        for_pictures: OnceLock::new(),
    }
}
