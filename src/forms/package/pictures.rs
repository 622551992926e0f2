//! Pictures inside cells: each stored once, shown in the drawing of its sheet, as large as its cell allows.

use std::sync::Arc;

use super::Picture;
use super::references::{Area, Grown};
use super::sheet::Sheet;

/// English metric units, of which drawings are made.
const EMU_PER_POINT: f64 = 12_700.0;
/// A column one sign wide has seven pixels in the usual fonts.
const EMU_PER_SIGN: f64 = 7.0 * 9_525.0;
/// What stays free of the cell at each side.
const MARGIN: f64 = 2.0 * 9_525.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    Png,
    Jpeg,
}

impl PictureKind {
    pub(super) fn ending(self) -> &'static str {
        match self {
            PictureKind::Png => "png",
            PictureKind::Jpeg => "jpeg",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            PictureKind::Png => "image/png",
            PictureKind::Jpeg => "image/jpeg",
        }
    }
}

/// A picture and the cell or merged area it is shown in.
pub(super) struct Shown {
    pub(super) picture: Arc<Picture>,
    pub(super) area: Area,
}

/// The namespaces of drawings in transitional or strict workbooks.
pub(super) struct Namespaces {
    pub(super) drawing: &'static str,
    main: &'static str,
    pub(super) relations: &'static str,
}

pub(super) const TRANSITIONAL: Namespaces = Namespaces {
    drawing: "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing",
    main: "http://schemas.openxmlformats.org/drawingml/2006/main",
    relations: "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
};

pub(super) const STRICT: Namespaces = Namespaces {
    drawing: "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing",
    main: "http://purl.oclc.org/ooxml/drawingml/main",
    relations: "http://purl.oclc.org/ooxml/officeDocument/relationships",
};

/// A drawing without anything in it.
pub(super) fn empty_drawing(names: &Namespaces) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<xdr:wsDr xmlns:xdr=\"{}\" xmlns:a=\"{}\"></xdr:wsDr>",
        names.drawing, names.main
    )
}

/// The element that shows a picture in the middle of its cell, its sides in proportion. It moves with its cell and keeps
/// its size.
pub(super) fn anchor(
    shown: &Shown,
    sheet: &Sheet,
    grown: &[Grown],
    id: u32,
    relation: &str,
    names: &Namespaces,
) -> String {
    let area = shown.area;
    let widths: Vec<f64> = (area.first.1..=area.last.1).map(|column| sheet.width(column) * EMU_PER_SIGN).collect();
    let heights: Vec<f64> = (area.first.0..=area.last.0)
        .map(|row| sheet.height(row, grown).unwrap_or(sheet.default_height) * EMU_PER_POINT)
        .collect();
    let room = |sides: &[f64]| (sides.iter().sum::<f64>() - 2.0 * MARGIN).max(MARGIN);
    let (wide, high) = (f64::from(shown.picture.width.max(1)), f64::from(shown.picture.height.max(1)));
    let scale = (room(&widths) / wide).min(room(&heights) / high);
    let (wide, high) = (wide * scale, high * scale);
    let (column, left) = place(&widths, wide);
    let (row, top) = place(&heights, high);
    let (column, row) = (area.first.1 + column, area.first.0 + row);
    let (wide, high) = (whole(wide).max(1), whole(high).max(1));
    format!(
        "<xdr:oneCellAnchor xmlns:xdr=\"{}\" xmlns:a=\"{}\" xmlns:r=\"{}\">\
         <xdr:from><xdr:col>{column}</xdr:col><xdr:colOff>{left}</xdr:colOff><xdr:row>{row}</xdr:row>\
         <xdr:rowOff>{top}</xdr:rowOff></xdr:from><xdr:ext cx=\"{wide}\" cy=\"{high}\"/><xdr:pic><xdr:nvPicPr>\
         <xdr:cNvPr id=\"{id}\" name=\"图片 {id}\"/><xdr:cNvPicPr><a:picLocks noChangeAspect=\"1\"/></xdr:cNvPicPr>\
         </xdr:nvPicPr><xdr:blipFill><a:blip r:embed=\"{relation}\"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill>\
         <xdr:spPr><a:xfrm><a:off x=\"0\" y=\"0\"/><a:ext cx=\"{wide}\" cy=\"{high}\"/></a:xfrm><a:prstGeom prst=\"rect\">\
         <a:avLst/></a:prstGeom></xdr:spPr></xdr:pic><xdr:clientData/></xdr:oneCellAnchor>",
        names.drawing, names.main, names.relations
    )
}

/// The row or column in which something begins that is to stand in the middle, and how far inside of it.
fn place(sides: &[f64], length: f64) -> (u32, i64) {
    let mut before = ((sides.iter().sum::<f64>() - length) / 2.0).max(0.0);
    for (index, side) in (0..).zip(sides) {
        if before < *side {
            return (index, whole(before));
        }
        before -= side;
    }
    (0, 0)
}

#[expect(clippy::cast_possible_truncation, reason = "a sheet's sides are far below the bounds")]
fn whole(length: f64) -> i64 {
    length.floor() as i64
}
