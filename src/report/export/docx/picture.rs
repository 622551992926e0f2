//! Charts as pictures with their text for those who do not see them.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::xml::escaped;
use crate::report::chart::{Chart, Room, draw};
use crate::report::document::Figure;
use crate::report::document::page::{TYPE_HEIGHT, TYPE_WIDTH};
use crate::report::fonts::Fonts;

pub(super) const NAMESPACES: &str = "xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" \
     xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
     xmlns:pic=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"";
/// English Metric Units in a point.
const EMU: f64 = 12_700.0;

/// Charts are measured in pixels of 1/96 inch.
const PIXELS_PER_POINT: f64 = 96.0 / 72.0;
/// Dots of the picture per pixel: 240 to the inch.
const SCALE: f64 = 2.5;
const PIXELS_MAX: f64 = 8_000.0;
/// Of the height of the type area, so that the caption stays on the page.
const HEIGHT_SHARE_MAX: f64 = 0.85;

/// A drawn chart with its size on paper in points.
pub(super) struct Picture {
    pub png: Vec<u8>,
    width: f64,
    height: f64,
}

/// The relationship of the document to a picture.
pub(super) fn id(number: usize) -> String {
    format!("picture{number}")
}

/// The chart as a picture; `None` where no font can print its text.
pub(super) fn of(chart: &Chart, number: usize, fonts: &Fonts) -> Option<Picture> {
    if !fonts.is_chinese {
        return None;
    }
    let room = Room { width: TYPE_WIDTH * PIXELS_PER_POINT, height: TYPE_HEIGHT * HEIGHT_SHARE_MAX * PIXELS_PER_POINT };
    let drawing = draw(chart, room, &id(number));
    let options = Options { fontdb: fonts.for_pictures(), ..Options::default() };
    let tree = Tree::from_str(&drawing.svg, &options).ok()?;
    let pixels = |length: f64| (length * SCALE).ceil().clamp(1.0, PIXELS_MAX) as u32;
    let mut pixmap = Pixmap::new(pixels(drawing.width), pixels(drawing.height))?;
    pixmap.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(&tree, Transform::from_scale(SCALE as f32, SCALE as f32), &mut pixmap.as_mut());
    Some(Picture {
        png: pixmap.encode_png().ok()?,
        width: drawing.width / PIXELS_PER_POINT,
        height: drawing.height / PIXELS_PER_POINT,
    })
}

impl Picture {
    pub(super) fn inline(&self, figure: &Figure, number: usize, out: &mut String) {
        let (wide, high) = ((self.width * EMU).round(), (self.height * EMU).round());
        let name = escaped(&figure.caption);
        let properties =
            format!("id=\"{number}\" name=\"{name}\" descr=\"{}\" title=\"{name}\"", escaped(&figure.chart.alt_text()));
        out.push_str(&format!(
            "<w:r><w:drawing><wp:inline distT=\"0\" distB=\"0\" distL=\"0\" distR=\"0\"><wp:extent cx=\"{wide}\" cy=\"{high}\"/>\
             <wp:docPr {properties}/><a:graphic><a:graphicData uri=\"http://schemas.openxmlformats.org/drawingml/2006/picture\">\
             <pic:pic><pic:nvPicPr><pic:cNvPr {properties}/><pic:cNvPicPr/></pic:nvPicPr>\
             <pic:blipFill><a:blip r:embed=\"{}\"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>\
             <pic:spPr><a:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"{wide}\" cy=\"{high}\"/></a:xfrm><a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></pic:spPr>\
             </pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>",
            id(number)
        ));
    }
}
