//! Fonts for what is typeset here: the system's and those of the folder named in the settings, found once per
//! process. Loading one reads its file; a Chinese collection is 20 MB and more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use typst_kit::fonts::{self, FontStore};

/// Signs that a font for Chinese text has; fonts for Japanese lack the second.
const PROBE: [char; 3] = ['网', '对', '。'];

/// What to do where no font can print Chinese.
pub(super) const HOW_TO_GET_FONTS: &str = "install the packages `fonts-noto-cjk` and `fonts-lxgw-wenkai`, or name a folder with fonts as `fonts` under `[paths]` in gridhouse.toml";

pub(super) struct Fonts {
    pub store: FontStore,
    pub is_chinese: bool,
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
    let is_chinese = book
        .families()
        .flat_map(|(_, faces)| faces)
        .filter_map(|face| book.info(face))
        .any(|info| PROBE.iter().all(|sign| info.coverage.contains(u32::from(*sign))));
    Fonts { is_chinese, store }
}
