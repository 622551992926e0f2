//! Shapes and texts of a picture, as SVG. Everything written by a person or read from a delivery passes [`escape`]
//! here, and nowhere else.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::palette::INK;

/// Size of all texts but small ones.
pub(super) const FONT: f64 = 12.0;
pub(super) const LINE_HEIGHT: f64 = 1.2;
/// Looked up in this order by browsers and renderers alike; every office and every server has one of them.
const FAMILY: &str =
    "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC','SimHei','WenQuanYi Zen Hei',sans-serif";

/// The space for a picture, in pixels of 1/96 inch.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Room {
    pub width: f64,
    pub height: f64,
}

impl Room {
    /// Across a page of a screen or of A4.
    pub(in crate::report) const WIDE: Self = Self { width: 680.0, height: 880.0 };
    /// One of two beside each other, or the width of a phone.
    pub(in crate::report) const HALF: Self = Self { width: 380.0, height: f64::INFINITY };

    pub(super) fn times(self, factor: f64) -> Self {
        Self { width: self.width * factor, height: self.height * factor }
    }
}

/// A finished picture with its size in pixels.
#[derive(Debug, Clone)]
pub(in crate::report) struct Drawing {
    pub svg: String,
    pub width: f64,
    pub height: f64,
    /// Where figures that are not written can be asked for: by pointer, finger or keyboard.
    pub spots: Vec<Spot>,
}

/// A part of the picture as shares of its width and height, with all its figures in words.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Spot {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub text: String,
}

/// A finger meets nothing smaller.
const SPOT_LEAST: f64 = 24.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

pub(super) struct Pen {
    shapes: String,
    /// Left, top, right and bottom of each text so far.
    texts: Vec<[f64; 4]>,
    /// In pixels until the picture is finished.
    spots: Vec<Spot>,
    pub width: f64,
    pub height: f64,
}

impl Pen {
    pub(super) fn new(width: f64) -> Self {
        Self { shapes: String::new(), texts: Vec::new(), spots: Vec::new(), width, height: 0.0 }
    }

    /// Shapes drawn by `fill` say `title` when pointed at.
    pub(super) fn mark(&mut self, title: &str, fill: impl FnOnce(&mut Self)) {
        let _ = write!(self.shapes, "<g><title>{}</title>", escape(title));
        fill(self);
        self.shapes.push_str("</g>\n");
    }

    /// `y` is the middle of the text's height.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, color: &str, text: &str) {
        self.texts.push(text_box((x, y), anchor, size, text));
        let baseline = y + size * 0.36;
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let size = if size == FONT { String::new() } else { format!(" font-size=\"{}\"", number(size)) };
        let color = if color == INK { String::new() } else { format!(" fill=\"{color}\"") };
        let _ = writeln!(
            self.shapes,
            "<text x=\"{}\" y=\"{}\"{anchor}{size}{color}>{}</text>",
            number(x),
            number(baseline),
            escape(text)
        );
    }

    /// The text, unless it would lie on another one or leave the picture. White around it keeps a line off it.
    pub(super) fn text_if_free(&mut self, place: (f64, f64), anchor: Anchor, size: f64, color: &str, text: &str) {
        let own = text_box(place, anchor, size, text);
        let is_apart =
            |other: &[f64; 4]| own[2] <= other[0] || other[2] <= own[0] || own[3] <= other[1] || other[3] <= own[1];
        if own[0] >= 0.0 && own[2] <= self.width && self.texts.iter().all(is_apart) {
            let _ = write!(self.shapes, "<g paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\">");
            self.text(place, anchor, size, color, text);
            self.shapes.push_str("</g>\n");
        }
    }

    /// Lines of text, together in the middle of `y`.
    pub(super) fn lines(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, color: &str, lines: &[String]) {
        let first = y - size * LINE_HEIGHT * (lines.len() as f64 - 1.0) / 2.0;
        for (number, line) in lines.iter().enumerate() {
            self.text((x, first + size * LINE_HEIGHT * number as f64), anchor, size, color, line);
        }
    }

    /// `paint` are attributes: fill, stroke.
    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), paint: &str) {
        let _ = writeln!(
            self.shapes,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {paint}/>",
            number(x),
            number(y),
            number(width.max(0.0)),
            number(height.max(0.0))
        );
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), paint: &str) {
        let _ = writeln!(
            self.shapes,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {paint}/>",
            number(x1),
            number(y1),
            number(x2),
            number(y2)
        );
    }

    /// `M` and `L` steps joined; a `None` lifts the pen.
    pub(super) fn path(&mut self, points: &[Option<(f64, f64)>], paint: &str) {
        let mut steps = String::new();
        let mut is_drawing = false;
        for point in points {
            if let Some((x, y)) = point {
                let _ = write!(steps, "{}{} {}", if is_drawing { "L" } else { "M" }, number(*x), number(*y));
            }
            is_drawing = point.is_some();
        }
        if !steps.is_empty() {
            let _ = writeln!(self.shapes, "<path d=\"{steps}\" fill=\"none\" {paint}/>");
        }
    }

    pub(super) fn shape(&mut self, steps: &str, paint: &str) {
        let _ = writeln!(self.shapes, "<path d=\"{steps}\" {paint}/>");
    }

    /// Figures to be asked for here.
    pub(super) fn spot(&mut self, (left, top): (f64, f64), (width, height): (f64, f64), text: String) {
        self.spots.push(Spot { left, top, width, height, text });
    }

    /// The whole picture, `shrink` times smaller than it was drawn.
    pub(super) fn finish(mut self, shrink: f64, id: &str, title: &str, description: &str) -> Drawing {
        let (width, height) = (self.width / shrink, self.height / shrink);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-family=\"{FAMILY}\" font-size=\"{FONT}\" fill=\"{INK}\">\n\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\n{}</svg>",
            number(width),
            number(height),
            number(self.width),
            number(self.height),
            escape(title),
            escape(description),
            self.shapes
        );
        self.spots.retain(|spot| spot.width.min(spot.height) >= SPOT_LEAST * shrink);
        for spot in &mut self.spots {
            (spot.left, spot.width) = (spot.left / self.width, spot.width / self.width);
            (spot.top, spot.height) = (spot.top / self.height, spot.height / self.height);
        }
        Drawing { svg, width, height, spots: self.spots }
    }
}

/// What a text covers, with its height's middle at `y`.
fn text_box((x, y): (f64, f64), anchor: Anchor, size: f64, text: &str) -> [f64; 4] {
    let width = text_width(text, size);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    [left, y - size * 0.45, left + width, y + size * 0.45]
}

/// A position, to a tenth of a pixel.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// The steps of a circle's path.
pub(super) fn circle((x, y): (f64, f64), radius: f64) -> String {
    let (x, y, r) = (number(x - radius), number(y), number(radius));
    let width = number(2.0 * radius);
    format!("M{x} {y}a{r} {r} 0 1 0 {width} 0a{r} {r} 0 1 0 -{width} 0")
}

/// How wide a text of this size is at most: Chinese signs fill a square, others somewhat more than half of one.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|sign| if sign.width().unwrap_or(0) > 1 { size } else { size * 0.6 }).sum()
}

/// The widest of the texts.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, size: f64) -> f64 {
    texts.into_iter().map(|text| text_width(text, size)).fold(0.0, f64::max)
}

/// The text in at most `lines_max` lines of `width`; what does not fit ends in `…`. At least one sign stands in a line.
pub(super) fn wrapped(text: &str, size: f64, width: f64, lines_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut signs = text.chars().filter(|sign| !sign.is_control()).peekable();
    while let Some(sign) = signs.next() {
        let number = lines.len();
        let Some(line) = lines.last_mut() else { break };
        let mut longer = line.clone();
        longer.push(sign);
        let is_last = number >= lines_max;
        let is_cut = is_last && signs.peek().is_some() && text_width(&longer, size) + size > width;
        let rest_fits = || text_width(&longer, size) + text_width(&signs.clone().collect::<String>(), size) <= width;
        if is_cut && !rest_fits() {
            line.push('…');
            break;
        }
        if line.is_empty() || text_width(&longer, size) <= width {
            *line = longer;
        } else {
            lines.push(sign.to_string());
        }
    }
    lines
}

/// Text for XML and HTML, in an element or in a quoted attribute. Signs that XML cannot hold are left out.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            _ if sign.is_control() && !matches!(sign, '\n' | '\t') => {}
            _ => out.push(sign),
        }
    }
    out
}
