//! What a project lends its reports besides figures: a folder of pictures and the labels of its code lists.

use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Clone, Default)]
pub(super) struct Means {
    /// The only folder pictures are read from.
    pub pictures: Option<PathBuf>,
    /// Labels of each code list, in its order.
    pub code_lists: BTreeMap<String, Vec<String>>,
}
