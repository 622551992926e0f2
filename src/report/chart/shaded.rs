//! Figures coloured by their size, as heat tables and tile maps show them: the tones, and the key to them.

use super::palette::{INK, WHITE, ink_on, tone};
use super::pen::{Anchor, FONT, Pen, widest};
use super::{Point, Series};

/// From the smallest to the largest figure; around 0 where some are negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shades(Option<(f64, f64)>);

impl Shades {
    pub(super) fn of(figures: impl Iterator<Item = f64>) -> Self {
        Self(figures.fold(None, |ends, figure| {
            let (low, high) = ends.unwrap_or((figure, figure));
            Some((figure.min(low), figure.max(high)))
        }))
    }

    /// The fill for a figure; white where there is none.
    pub(super) fn fill(&self, point: Point) -> String {
        match (point, self.0) {
            (Point::Figure(figure), Some((low, high))) if low < 0.0 => tone(figure / high.abs().max(-low)),
            // All the same: neither light nor dark.
            (Point::Figure(_), Some((low, high))) if low == high => tone(0.3),
            (Point::Figure(figure), Some((low, high))) => tone((figure - low) / (high - low)),
            _ => WHITE.to_owned(),
        }
    }

    /// Which tone is the smallest figure and which the largest, below the picture.
    pub(super) fn key(&self, pen: &mut Pen, series: &Series) {
        const STEPS: usize = 7;
        const STEP: f64 = 24.0;
        let Some((low, high)) = self.0.filter(|(low, high)| low < high) else { return };
        let (low_word, high_word) = (series.word(low), series.word(high));
        let words = widest([low_word.as_str(), high_word.as_str()], FONT) + 10.0;
        pen.width = pen.width.max(STEP * STEPS as f64 + 2.0 * words);
        let middle = pen.height + 12.0;
        let left = (pen.width - STEP * STEPS as f64) / 2.0;
        pen.text((left - 8.0, middle), Anchor::End, FONT, INK, &low_word);
        for step in 0..STEPS {
            let figure = low + (high - low) * step as f64 / (STEPS - 1) as f64;
            let fill = self.fill(Point::Figure(figure));
            let paint = format!("fill=\"{fill}\" stroke=\"#404040\" stroke-width=\"0.6\"");
            pen.rect((left + STEP * step as f64, middle - 6.0), (STEP, 12.0), &paint);
        }
        pen.text((left + STEP * STEPS as f64 + 8.0, middle), Anchor::Start, FONT, INK, &high_word);
        pen.height += 24.0;
    }
}

/// The colour of a figure on its fill.
pub(super) fn ink(fill: &str) -> &'static str {
    if fill == WHITE { INK } else { ink_on(fill) }
}
