//! What the forms ask for and the warehouse lacks, collected once for all of them.
//!
//! ```text
//! forms -> needs (each object once, each element once) -> sheets (a workbook a community) -> clerks
//!       -> returned (base, returned, current) -> rows for the contracts, collected values, conflicts, refusals
//! ```

mod base;
mod checks;
mod decision;
mod judged;
mod landed;
mod needs;
mod returned;
mod sheet;

pub use self::decision::{ANSWERED, DECISION, TAKE_CURRENT, TAKE_RETURNED, decided};
pub use self::landed::{is_known, land};
pub use self::needs::{Needs, Saving, needs};
pub use self::returned::{Outcome, Return, ReturnedCell, compare};
pub use self::sheet::{IDENTITY_SHEET, Issued, Issuing, issue};
