//! What stands below the rows: signers, notes, where the figures come from.

use super::{Composer, ROW_HEIGHT};
use crate::report::form::Align;
use crate::report::layout::{LINE_HEIGHT, Role, text_lines};
use crate::report::wording::PROVENANCE;

impl Composer<'_> {
    pub(super) fn foot(&mut self) {
        let signers: Vec<(String, Align)> =
            self.form.signers.iter().map(|signer| (self.names.fill(&signer.value), Align::Left)).collect();
        self.spread_row(signers, Role::Signer, ROW_HEIGHT + 4.0);
        let width: f64 = self.layout.widths.iter().sum();
        for (number, note) in self.form.notes.iter().enumerate() {
            let note = self.names.fill(&note.value);
            let text = match (self.form.notes.len(), number) {
                (1, _) => format!("说明：{note}"),
                (_, 0) => format!("说明：1.{note}"),
                (_, number) => format!("　　　{}.{note}", number + 1),
            };
            let height = text_lines(&text, width) as f64 * LINE_HEIGHT + 3.0;
            self.text_row(text, Role::Note, Align::Left, 0, height);
        }
        self.text_row(self.names.fill(PROVENANCE), Role::Provenance, Align::Left, 0, LINE_HEIGHT + 3.0);
    }
}
