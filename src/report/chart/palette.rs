//! Colours: told apart by lightness alone, so that they are by the colour-blind and on a grey printer.

pub(super) const INK: &str = "#222222";
pub(super) const FAINT: &str = "#595959";
pub(super) const GRID: &str = "#d9d9d9";
pub(super) const AXIS: &str = "#7f7f7f";

/// Fills of areas beside each other, from dark to light by turns.
pub(super) const FILLS: [&str; 5] = ["#1f4e8c", "#e8a33d", "#7b3f61", "#8fc1c9", "#4d4d4d"];
/// Lines on white.
pub(super) const LINES: [&str; 4] = ["#1f4e8c", "#b3500f", "#5b7a1a", "#7b3f8f"];
