//! Charts as pictures with their text for those who do not see them.

use super::xml::escaped;
use crate::report::chart::Chart;
use crate::report::document::Figure;

pub(super) const NAMESPACES: &str = "xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" \
     xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
     xmlns:pic=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"";
/// English Metric Units in a point.
const EMU: f64 = 12_700.0;

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

/// The chart as a picture; `None` where it cannot be drawn.
pub(super) fn of(_chart: &Chart, _number: usize) -> Option<Picture> {
    None
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
