//! What stands below the rows: signers, notes, where the figures come from.

use super::{Composer, ROW_HEIGHT, identity};
use crate::report::form::Align;
use crate::report::layout::{LINE_HEIGHT, Role};
use crate::report::wording::PROVENANCE;

impl Composer<'_> {
    pub(super) fn foot(&mut self) {
        let signers = identity::signers(&self.form.identity, self.names);
        self.spread_row(signers, Role::Signer, ROW_HEIGHT + 4.0);
        for (number, note) in self.form.notes.iter().enumerate() {
            let note = self.names.fill(&note.value);
            let text = match (self.form.notes.len(), number) {
                (1, _) => format!("说明：{note}"),
                (_, 0) => format!("说明：1.{note}"),
                (_, number) => format!("　　　{}.{note}", number + 1),
            };
            self.text_row(text, Role::Note, Align::Left, 0, LINE_HEIGHT + 3.0);
        }
        self.text_row(self.names.fill(PROVENANCE), Role::Provenance, Align::Left, 0, LINE_HEIGHT + 3.0);
    }
}
