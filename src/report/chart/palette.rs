//! Colours that are told apart by lightness alone: on a grey printer and by the colour-blind.

pub(super) const INK: &str = "#222222";
pub(super) const FAINT: &str = "#595959";
pub(super) const GRID: &str = "#d9d9d9";
pub(super) const AXIS: &str = "#7f7f7f";
pub(super) const WHITE: &str = "#ffffff";
const BLACK: &str = "#000000";

/// Fills of areas beside each other. The light ones need the edge that [`area`] gives them.
pub(super) const FILLS: [&str; 5] = ["#1f4e8c", "#e3a83b", "#2f8f8b", "#d6e4f2", "#4a1f10"];
/// Lines on white, each with a marker of its own shape as well.
pub(super) const LINES: [&str; 4] = ["#1f4e8c", "#b3500f", "#00736f", "#8a3a86"];

const LIGHT: [f64; 3] = [0xf3 as f64, 0xf7 as f64, 0xfb as f64];
const DARK: [f64; 3] = [0x16 as f64, 0x36 as f64, 0x5c as f64];
const DARK_NEGATIVE: [f64; 3] = [0x7a as f64, 0x2e as f64, 0x00 as f64];

/// Paint of an area in the colour.
pub(super) fn area(fill: &str) -> String {
    format!("fill=\"{fill}\" stroke=\"#404040\" stroke-width=\"0.6\"")
}

/// A tone between light and dark for a share of 0 to 1, in another hue for one of 0 to -1.
pub(super) fn tone(share: f64) -> String {
    let dark = if share < 0.0 { DARK_NEGATIVE } else { DARK };
    let depth = share.abs().min(1.0);
    let part = |at: usize| (LIGHT[at] + (dark[at] - LIGHT[at]) * depth).round() as u8;
    format!("#{:02x}{:02x}{:02x}", part(0), part(1), part(2))
}

/// Black or white, whichever reads better on the colour.
pub(super) fn ink_on(color: &str) -> &'static str {
    if contrast(color, BLACK) >= contrast(color, WHITE) { BLACK } else { WHITE }
}

/// The ratio of two colours' luminances as WCAG defines it, 1 to 21.
fn contrast(left: &str, right: &str) -> f64 {
    let (left, right) = (luminance(left), luminance(right));
    (left.max(right) + 0.05) / (left.min(right) + 0.05)
}

fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let value = color.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Perceived lightness, 0 to 100.
    fn lightness(color: &str) -> f64 {
        116.0 * luminance(color).cbrt() - 16.0
    }

    #[test]
    fn fills_differ_in_lightness_and_lines_stand_out() {
        for (number, fill) in FILLS.iter().enumerate() {
            for other in &FILLS[..number] {
                let apart = (lightness(fill) - lightness(other)).abs();
                assert!(apart >= 13.0, "{fill} and {other} are {apart:.1} apart");
            }
            assert!(contrast(fill, ink_on(fill)) >= 4.5, "{fill}");
        }
        for line in LINES {
            assert!(contrast(line, WHITE) >= 4.5, "{line}");
        }
        for ink in [INK, FAINT] {
            assert!(contrast(ink, WHITE) >= 7.0, "{ink}");
        }
        assert!(contrast(AXIS, WHITE) >= 3.0 && contrast("#404040", WHITE) >= 3.0);
    }

    /// How the colour looks to those who lack one kind of cone, after Machado, Oliveira and Fernandes (2009).
    fn seen(color: &str, matrix: [[f64; 3]; 3]) -> String {
        let linear = [1, 3, 5].map(|at| {
            let part = u8::from_str_radix(&color[at..at + 2], 16).map_or(0.0, f64::from) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let mut text = "#".to_owned();
        for row in matrix {
            let part = row.iter().zip(linear).map(|(weight, part)| weight * part).sum::<f64>().clamp(0.0, 1.0);
            let part = if part <= 0.003_130_8 { part * 12.92 } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
            text += &format!("{:02x}", (part * 255.0).round() as u8);
        }
        text
    }

    #[test]
    fn fills_differ_for_the_colour_blind() {
        let protan = [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ];
        let deutan =
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
        let tritan = [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ];
        for matrix in [protan, deutan, tritan] {
            assert_eq!(seen("#ffffff", matrix), "#ffffff");
            let lights = FILLS.map(|fill| lightness(&seen(fill, matrix)));
            for (number, light) in lights.iter().enumerate() {
                for other in &lights[..number] {
                    assert!((light - other).abs() >= 12.0, "{lights:?}");
                }
            }
        }
        // Red is much darker to those who do not see it.
        assert!(lightness(&seen("#ff0000", protan)) < lightness("#ff0000") - 10.0);
    }

    #[test]
    fn tones_darken_evenly_and_can_be_written_on() {
        for sign in [1.0, -1.0] {
            let tones: Vec<String> = (0..=100).map(|step| tone(sign * f64::from(step) / 100.0)).collect();
            for pair in tones.windows(2) {
                assert!(lightness(&pair[0]) > lightness(&pair[1]), "{pair:?}");
            }
            for tone in &tones {
                assert!(contrast(tone, ink_on(tone)) >= 4.5, "{tone}");
            }
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast("#767676", WHITE) - 4.54).abs() < 0.01);
    }
}
