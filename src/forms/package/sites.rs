//! Sites: the places of a part that name rows of a sheet. They are found once; when a list grows, each is written anew.

use std::ops::Range;

use super::references::{Extend, Grown, Sheet, moved, moved_row, rewritten};
use super::xml::{Edits, Node, Parsed, Scan, Tag, escaped, escaped_text, plain};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A formula, an area or a list of areas.
    References(Extend),
    /// The row above a page break, counted from 1.
    Break,
    /// A row counted from 0, moved as far as `follows` is.
    Row { follows: u32 },
    /// Left, offset, top, offset, right, offset, bottom, offset of a note.
    NoteAnchor,
}

#[derive(Debug, Clone)]
pub(super) struct Site {
    at: Range<usize>,
    kind: Kind,
    /// The sheet that is meant where none is named.
    sheet: Option<usize>,
}

/// What has grown, by sheet.
pub(super) struct Growths<'p> {
    pub(super) of_sheet: &'p [Vec<Grown>],
    /// Names in lower case.
    pub(super) names: &'p [String],
}

/// The sites of the drawing that holds a sheet's notes. It is written for HTML: its tags need not be closed.
pub(super) fn of_notes(text: &str, sheet: usize) -> Vec<Site> {
    let mut sites = Vec::new();
    for name in ["Row>", "Anchor>", "FmlaLink>", "FmlaRange>"] {
        for found in memchr::memmem::find_iter(text.as_bytes(), name) {
            let tag = text[..found].rfind('<').map_or("/", |open| &text[open + 1..found]);
            let start = found + name.len();
            let Some(length) = text[start..].find('<').filter(|_| tag.is_empty() || tag.ends_with(':')) else {
                continue;
            };
            if tag.starts_with('/') {
                continue;
            }
            let at = start..start + length;
            let kind = match name {
                "Row>" => text[at.clone()].trim().parse().ok().map(|follows| Kind::Row { follows }),
                "Anchor>" => Some(Kind::NoteAnchor),
                _ => Some(Kind::References(Extend::List { row: None })),
            };
            sites.extend(kind.map(|kind| Site { at, kind, sheet: Some(sheet) }));
        }
    }
    sites
}

impl Growths<'_> {
    pub(super) fn are_none(&self) -> bool {
        self.of_sheet.iter().all(Vec::is_empty)
    }

    pub(super) fn on(&self, sheet: Option<usize>) -> &[Grown] {
        sheet.and_then(|sheet| self.of_sheet.get(sheet)).map_or(&[], Vec::as_slice)
    }

    /// The sheet a reference names, read on sheet `own`.
    pub(super) fn named(&self, sheet: &Sheet<'_>, own: Option<usize>) -> Option<usize> {
        match sheet {
            Sheet::Own => own,
            Sheet::Elsewhere => None,
            Sheet::Named(name) => {
                let name = name.to_lowercase();
                self.names.iter().position(|known| *known == name)
            }
        }
    }

    /// Whether formulas of sheet `own`, which read these sheets (none: itself), may have to move.
    pub(super) fn reach(&self, own: usize, reads: &[Option<String>]) -> bool {
        let has_grown =
            |name: &String| self.names.iter().zip(self.of_sheet).any(|(n, grown)| n == name && !grown.is_empty());
        !self.on(Some(own)).is_empty() || reads.iter().flatten().any(has_grown)
    }

    /// A formula after the growth; none if it stays.
    pub(super) fn moved(&self, formula: &str, own: Option<usize>, extend: Extend) -> Option<String> {
        rewritten(formula, |sheet, reference| {
            // The row of a formula counts on its own sheet only.
            let target = self.named(sheet, own);
            let extend = match extend {
                Extend::List { .. } if target != own => Extend::List { row: None },
                _ => extend,
            };
            moved(reference, self.on(target), extend).map(Some)
        })
    }
}

impl Site {
    pub(super) fn rewrite(&self, text: &str, growths: &Growths<'_>, edits: &mut Edits) -> Parsed<()> {
        let raw = &text[self.at.clone()];
        let shift = |row: u32| moved_row(row, growths.on(self.sheet)).saturating_sub(row);
        let new = match self.kind {
            Kind::References(extend) => {
                let new = growths.moved(&plain(raw)?, self.sheet, extend);
                new.map(|new| match text[..self.at.start].chars().next_back() {
                    Some('>') => escaped_text(&new),
                    Some('\'') => escaped(&new).replace('\'', "&apos;"),
                    _ => escaped(&new),
                })
            }
            Kind::Break => raw.trim().parse::<u32>().ok().filter(|id| *id > 0).map(|id| {
                let ends = growths.on(self.sheet).iter().filter(|grown| grown.last == id - 1).map(|grown| grown.by);
                (moved_row(id - 1, growths.on(self.sheet)) + ends.sum::<u32>() + 1).to_string()
            }),
            Kind::Row { follows } => {
                raw.trim().parse::<u32>().ok().map(|row| row.saturating_add(shift(follows)).to_string())
            }
            Kind::NoteAnchor => {
                let mut bounds: Vec<String> = raw.split(',').map(|bound| bound.trim().to_owned()).collect();
                let top = bounds.get(2).and_then(|top| top.parse().ok()).unwrap_or(0);
                for at in [2, 6] {
                    if let Some(row) = bounds.get(at).and_then(|row| row.parse::<u32>().ok()) {
                        bounds[at] = row.saturating_add(shift(top)).to_string();
                    }
                }
                (shift(top) > 0).then(|| bounds.join(", "))
            }
        };
        if let Some(new) = new.filter(|new| new != raw) {
            edits.replace(self.at.clone(), new);
        }
        Ok(())
    }
}

/// Values of tags that name cells.
const VALUES: &[(&str, &str, Extend)] = &[
    ("selection", "activeCell", Extend::Never),
    ("selection", "sqref", Extend::Never),
    ("pane", "topLeftCell", Extend::Never),
    ("sheetView", "topLeftCell", Extend::Never),
    ("dataValidation", "sqref", Extend::Always),
    ("conditionalFormatting", "sqref", Extend::Always),
    ("autoFilter", "ref", Extend::Always),
    ("sortState", "ref", Extend::Always),
    ("sortCondition", "ref", Extend::Always),
    ("protectedRange", "sqref", Extend::Always),
    ("ignoredError", "sqref", Extend::Always),
    ("table", "ref", Extend::Always),
    ("hyperlink", "ref", Extend::Never),
    ("hyperlink", "location", Extend::Never),
    ("inputCells", "r", Extend::Never),
    ("cellWatch", "r", Extend::Never),
    ("comment", "ref", Extend::Never),
    ("threadedComment", "ref", Extend::Never),
    ("sp", "textlink", Extend::Never),
    ("formControlPr", "fmlaLink", Extend::List { row: None }),
    ("formControlPr", "fmlaRange", Extend::List { row: None }),
    ("controlPr", "linkedCell", Extend::List { row: None }),
    ("controlPr", "listFillRange", Extend::List { row: None }),
];

/// Elements whose text is a formula.
const FORMULAS: &[&str] =
    &["formula", "formula1", "formula2", "f", "definedName", "calculatedColumnFormula", "totalsRowFormula"];

/// Gathers the sites of a part from its tags.
#[derive(Debug, Default)]
pub(super) struct Finder {
    pub(super) sites: Vec<Site>,
    /// The sheet the part belongs to.
    sheet: Option<usize>,
    is_chart: bool,
    /// Where the text of the innermost element begins, and its name.
    open: Option<(String, usize)>,
    /// Of the rule or validation that is being read: its first site, and the row its formulas are written for.
    rule: Option<(usize, Option<u32>)>,
    in_row_breaks: bool,
    anchor: Anchor,
}

/// An object's place.
#[derive(Debug, Default)]
struct Anchor {
    is_fixed: bool,
    keeps_size: bool,
    in_corner: bool,
    from: Option<u32>,
}

impl Finder {
    pub(super) fn new(sheet: Option<usize>, is_chart: bool) -> Self {
        Self { sheet, is_chart, ..Self::default() }
    }

    /// All sites of a part.
    pub(super) fn all(text: &str, sheet: Option<usize>, is_chart: bool) -> Parsed<Vec<Site>> {
        let mut finder = Self::new(sheet, is_chart);
        let mut scan = Scan::new(text);
        while let Some(node) = scan.next()? {
            finder.node(text, &node)?;
        }
        Ok(finder.sites)
    }

    /// A value or text with references of sheet `sheet`, whatever it is called.
    pub(super) fn add(&mut self, at: Range<usize>, sheet: Option<usize>, extend: Extend) {
        self.sites.push(Site { at, kind: Kind::References(extend), sheet });
    }

    pub(super) fn node(&mut self, text: &str, node: &Node<'_>) -> Parsed<()> {
        match node {
            Node::Open(tag) => {
                self.tag(tag)?;
                self.open = Some((tag.name.to_owned(), tag.at.end));
                if is_rule(tag.name) {
                    let row = tag.value("sqref")?.and_then(|areas| first_row(&areas));
                    self.rule = Some((self.sites.len(), row));
                }
                match tag.name {
                    "rowBreaks" => self.in_row_breaks = true,
                    "twoCellAnchor" | "oneCellAnchor" | "absoluteAnchor" | "anchor" => {
                        let edit_as = tag.value("editAs")?;
                        let is =
                            |name: &str| tag.value(name).map(|value| value.is_some_and(|v| v == "1" || v == "true"));
                        self.anchor = Anchor {
                            is_fixed: edit_as.as_deref() == Some("absolute"),
                            keeps_size: edit_as.as_deref() == Some("oneCell")
                                || (tag.name == "anchor" && is("moveWithCells")? && !is("sizeWithCells")?),
                            ..Anchor::default()
                        };
                    }
                    "from" | "to" => self.anchor.in_corner = true,
                    _ => {}
                }
            }
            Node::Empty(tag) => self.tag(tag)?,
            Node::Close { name, at } => {
                if let Some((_, start)) = self.open.take().filter(|(open, _)| open == name) {
                    self.element(text, name, start..at.start)?;
                }
                match *name {
                    "rowBreaks" => self.in_row_breaks = false,
                    "from" | "to" => self.anchor.in_corner = false,
                    name if is_rule(name) => self.rule = None,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn tag(&mut self, tag: &Tag<'_>) -> Parsed<()> {
        for (_, value, extend) in VALUES.iter().filter(|(name, ..)| *name == tag.name) {
            if let Some(at) = tag.place(value)? {
                self.add(at, self.sheet, *extend);
            }
        }
        if tag.name == "brk" && self.in_row_breaks {
            let site = |at| Site { at, kind: Kind::Break, sheet: self.sheet };
            self.sites.extend(tag.place("id")?.map(site));
        }
        Ok(())
    }

    fn element(&mut self, text: &str, name: &str, at: Range<usize>) -> Parsed<()> {
        if FORMULAS.contains(&name) {
            let extend = match self.is_chart {
                true => Extend::Series,
                false => Extend::List { row: self.rule.and_then(|(_, row)| row) },
            };
            self.add(at, self.sheet, extend);
        } else if name == "sqref" {
            // An extended rule names its cells after its formulas; a sparkline stays in its cell.
            let extend = if self.rule.is_some() { Extend::Always } else { Extend::Never };
            if let Some((first, _)) = self.rule {
                let row = first_row(&plain(&text[at.clone()])?);
                for site in self.sites.iter_mut().skip(first) {
                    if site.kind == Kind::References(Extend::List { row: None }) {
                        site.kind = Kind::References(Extend::List { row });
                    }
                }
            }
            self.add(at, self.sheet, extend);
        } else if name == "row" && self.anchor.in_corner {
            let Ok(row) = text[at.clone()].trim().parse::<u32>() else { return Ok(()) };
            let from = *self.anchor.from.get_or_insert(row);
            if !self.anchor.is_fixed {
                let follows = if self.anchor.keeps_size { from } else { row };
                self.sites.push(Site { at, kind: Kind::Row { follows }, sheet: self.sheet });
            }
        }
        Ok(())
    }
}

fn is_rule(name: &str) -> bool {
    matches!(name, "conditionalFormatting" | "dataValidation")
}

/// The row of the first cell of a list of areas.
fn first_row(areas: &str) -> Option<u32> {
    let first = areas.split_ascii_whitespace().next()?;
    super::references::Area::parse(first).map(|area| area.first.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece of a part after the list on rows 6 and 7 has grown by three rows.
    fn grown(text: &str, sites: Vec<Site>) -> String {
        let growths = Growths {
            of_sheet: &[vec![Grown { first: 5, last: 6, by: 3 }], Vec::new()],
            names: &["表".into(), "另".into()],
        };
        let mut edits = Edits::default();
        for site in sites {
            assert_eq!(site.rewrite(text, &growths, &mut edits), Ok(()));
        }
        edits.apply(text)
    }

    #[test]
    fn what_stands_around_the_rows_of_a_sheet() {
        let cases = [
            (
                "<a><selection activeCell=\"B8\" sqref=\"B8 C6:C7\"/></a>",
                "<a><selection activeCell=\"B11\" sqref=\"B11 C6:C7\"/></a>",
            ),
            ("<pane topLeftCell='A9'/>", "<pane topLeftCell='A12'/>"),
            ("<protectedRange sqref=\"C6:C7 C7\"/>", "<protectedRange sqref=\"C6:C10 C7:C10\"/>"),
            ("<ignoredError sqref=\"A1:A9\"/>", "<ignoredError sqref=\"A1:A12\"/>"),
            ("<autoFilter ref=\"A5:F7\"/>", "<autoFilter ref=\"A5:F10\"/>"),
            ("<colBreaks><brk id=\"8\"/></colBreaks>", "<colBreaks><brk id=\"8\"/></colBreaks>"),
            (
                "<rowBreaks><brk id=\"5\"/><brk id=\"7\"/><brk id=\"9\"/></rowBreaks>",
                "<rowBreaks><brk id=\"5\"/><brk id=\"10\"/><brk id=\"12\"/></rowBreaks>",
            ),
            (
                "<dataValidation sqref=\"C6:C7\"><formula1>COUNTIF($C$6:$C$7,C6)&lt;SUM(C6:D7)+C$9</formula1></dataValidation>",
                "<dataValidation sqref=\"C6:C10\"><formula1>COUNTIF($C$6:$C$10,C6)&lt;SUM(C6:D7)+C$12</formula1></dataValidation>",
            ),
            // The cells of an extended rule stand behind its formulas.
            (
                "<x14:dataValidation><x14:formula1><xm:f>另!C8+SUM(表!C$7:C7)</xm:f></x14:formula1><xm:sqref>D6:D7</xm:sqref></x14:dataValidation>",
                "<x14:dataValidation><x14:formula1><xm:f>另!C8+SUM(表!C$7:C7)</xm:f></x14:formula1><xm:sqref>D6:D10</xm:sqref></x14:dataValidation>",
            ),
            (
                "<x14:conditionalFormatting><x14:cfRule><xm:f>$B$8</xm:f></x14:cfRule><xm:sqref>A6:B7</xm:sqref></x14:conditionalFormatting>",
                "<x14:conditionalFormatting><x14:cfRule><xm:f>$B$11</xm:f></x14:cfRule><xm:sqref>A6:B10</xm:sqref></x14:conditionalFormatting>",
            ),
            (
                "<x14:sparkline><xm:f>表!B6:B7</xm:f><xm:sqref>C7</xm:sqref></x14:sparkline>",
                "<x14:sparkline><xm:f>表!B6:B10</xm:f><xm:sqref>C7</xm:sqref></x14:sparkline>",
            ),
            (
                "<control><controlPr linkedCell=\"$C$8\"><anchor moveWithCells=\"1\"><from><xdr:row>6</xdr:row></from><to><xdr:row>8</xdr:row></to></anchor></controlPr></control>",
                "<control><controlPr linkedCell=\"$C$11\"><anchor moveWithCells=\"1\"><from><xdr:row>6</xdr:row></from><to><xdr:row>8</xdr:row></to></anchor></controlPr></control>",
            ),
        ];
        for (before, after) in cases {
            assert_eq!(grown(before, Finder::all(before, Some(0), false).unwrap_or_default()), after);
        }
    }

    #[test]
    fn objects_and_notes() {
        let anchor = |edit_as: &str, from: u32, to: u32| {
            format!(
                "<a:twoCellAnchor{edit_as}><from><row>{from}</row></from><to><row>{to}</row></to></a:twoCellAnchor>"
            )
        };
        let cases = [
            ("", (3, 9), (3, 12)),
            ("", (7, 9), (10, 12)),
            (" editAs=\"oneCell\"", (3, 9), (3, 9)),
            (" editAs=\"oneCell\"", (7, 9), (10, 12)),
            (" editAs=\"absolute\"", (7, 9), (7, 9)),
        ];
        for (edit_as, before, after) in cases {
            let text = anchor(edit_as, before.0, before.1);
            let sites = Finder::all(&text, Some(0), false).unwrap_or_default();
            assert_eq!(grown(&text, sites), anchor(edit_as, after.0, after.1));
        }
        let notes = "<v:shape><br><x:Anchor> 1, 15, 7, 2, 3, 15, 9, 1</x:Anchor><x:Row>7</x:Row><x:Column>8</x:Column>";
        let moved =
            "<v:shape><br><x:Anchor>1, 15, 10, 2, 3, 15, 12, 1</x:Anchor><x:Row>10</x:Row><x:Column>8</x:Column>";
        assert_eq!(grown(notes, of_notes(notes, 0)), moved);
    }
}
