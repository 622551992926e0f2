//! Forms that departments send to be filled: read as they are laid out, and kept beside what was read of them.
//!
//! ```text
//! workbook -> pages (texts, merged cells, borders) -> layout (title, headings, items, doubts)
//!          -> meanings (the data element of each item) -> data/forms/<form>/
//! ```

mod answer;
mod blanks;
mod catalogue;
mod collected;
mod collection;
mod counted;
mod delivered;
mod elements;
mod file;
mod fill;
mod import;
mod matching;
mod measures;
pub mod package;
mod photos;
mod reading;
mod rows;
mod written;

use std::path::Path;

pub use self::answer::{Answer, ItemState, State, answer};
pub use self::catalogue::{Catalogue, catalogue};
pub use self::collection::{
    ANSWERED, DECISION, IDENTITY_SHEET, Issued, Issuing, Needs, Outcome, Return, ReturnedCell, Saving, TAKE_CURRENT,
    TAKE_RETURNED, compare, decided, is_known, issue, land, needs,
};
pub use self::delivered::land_rows;
pub use self::elements::Dictionary;
pub use self::file::Form;
pub use self::fill::{CellCounts, Community, Filled, Filling, communities, fill, grids};
pub use self::import::{Imported, import};
pub use self::photos::Photos;
use crate::diagnostic::{Diagnostic, Result};

/// The form of a name.
///
/// # Errors
/// There is none; the nearest name is given.
pub fn named<'f>(forms: &'f [Form], name: &str, folder: &Path) -> Result<&'f Form> {
    forms.iter().find(|form| form.name == name).ok_or_else(|| {
        let known = forms.iter().map(|form| form.name.as_str());
        if folder.join(name).join(file::FILE_NAME).is_file() {
            return Diagnostic::error(format!("the form `{name}` cannot be read; see above"))
                .in_file(folder.join(name));
        }
        let problem = Diagnostic::error(format!("there is no form `{name}`")).in_file(folder);
        match crate::diagnostic::did_you_mean(name, known) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`gridhouse form list` lists them; `gridhouse form import` adds one"),
        }
    })
}
