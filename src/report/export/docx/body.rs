//! The text: headings, paragraphs, lists, figures.

use std::path::PathBuf;

use super::numbering::{self, Lists};
use super::picture::{self, Picture};
use super::styles::{AFTER_TABLE, BODY, FIGURE, FIGURE_CAPTION, RULE, heading};
use super::table;
use super::xml::{paragraph, plain_run, runs};
use crate::report::document::page::CHARACTERS;
use crate::report::document::{Figure, Heading, List, Node, Run, Table};
use crate::report::fonts;

/// Characters of a paragraph that goes to the next page whole: six lines.
const SHORT_MAX: usize = 6 * CHARACTERS as usize;

/// The text as it grows, with what belongs into other parts.
#[derive(Default)]
pub(super) struct Body {
    pub xml: String,
    pub lists: Lists,
    pub pictures: Vec<Picture>,
    /// A folder with fonts for pictures, besides the system's.
    fonts: Option<PathBuf>,
}

impl Body {
    pub(super) fn new(fonts: Option<PathBuf>) -> Self {
        Self { fonts, ..Self::default() }
    }

    pub(super) fn nodes(&mut self, nodes: &[Node]) {
        for (number, node) in nodes.iter().enumerate() {
            self.node(node, number + 1 == nodes.len());
        }
    }

    /// `is_last`: what stands below the text is not left alone on a page.
    fn node(&mut self, node: &Node, is_last: bool) {
        match node {
            Node::Heading(Heading { level, numeral, text }) => {
                paragraph(&heading(*level), "", &mut self.xml, |out| {
                    plain_run(numeral, out);
                    runs(text, None, out);
                });
            }
            Node::Paragraph(text) => paragraph(BODY, kept(text, is_last), &mut self.xml, |out| runs(text, None, out)),
            Node::List(list) => self.list(list, 0, is_last),
            Node::Table(table) => self.table(table),
            Node::Cards(cards) => {
                table::cards(cards, &mut self.xml);
                self.after_table();
            }
            Node::Figure(figure) => self.figure(figure),
            Node::Rule => paragraph(RULE, "", &mut self.xml, |_| ()),
        }
    }

    fn list(&mut self, list: &List, depth: usize, is_last: bool) {
        let level = numbering::level(depth);
        let number = self.lists.add(list.first_number, level);
        for (place, item) in list.items.iter().enumerate() {
            let is_last = is_last && place + 1 == list.items.len();
            let mut is_first = true;
            if !matches!(item.first(), Some(Node::Paragraph(_))) {
                self.item(number, level, true, "", &[]);
                is_first = false;
            }
            for (place, node) in item.iter().enumerate() {
                let is_last = is_last && place + 1 == item.len();
                match node {
                    Node::Paragraph(text) => self.item(number, level, is_first, kept(text, is_last), text),
                    Node::List(inner) => self.list(inner, depth + 1, is_last),
                    other => self.node(other, is_last),
                }
                is_first = false;
            }
        }
    }

    fn item(&mut self, list: usize, level: u8, is_first: bool, kept: &str, text: &[Run]) {
        let own = format!("{kept}{}", numbering::item(list, level, is_first));
        paragraph(numbering::STYLE, &own, &mut self.xml, |out| runs(text, None, out));
    }

    fn table(&mut self, table: &Table) {
        table::write(table, &mut self.xml);
        self.after_table();
    }

    /// Two tables without a paragraph between would become one.
    fn after_table(&mut self) {
        paragraph(AFTER_TABLE, "", &mut self.xml, |_| ());
    }

    /// A picture, or the table behind it where no picture can be drawn.
    fn figure(&mut self, figure: &Figure) {
        let number = self.pictures.len() + 1;
        let Some(picture) = picture::of(&figure.chart, number, &fonts::found(self.fonts.as_deref())) else {
            return self.table(&figure.table(&figure.caption));
        };
        paragraph(FIGURE, "", &mut self.xml, |out| picture.inline(figure, number, out));
        self.pictures.push(picture);
        paragraph(FIGURE_CAPTION, "", &mut self.xml, |out| plain_run(&figure.caption, out));
        if figure.chart.is_table_open {
            self.table(&figure.table(""));
        }
    }
}

/// What keeps the last paragraph with what follows, and a short one in one piece.
fn kept(text: &[Run], is_last: bool) -> &'static str {
    let is_short = text.iter().map(|run| run.text.chars().count()).sum::<usize>() <= SHORT_MAX;
    match (is_last, is_short) {
        (false, _) => "",
        (true, false) => "<w:keepNext/>",
        (true, true) => "<w:keepNext/><w:keepLines/>",
    }
}
