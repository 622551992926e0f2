//! A summary's text as blocks: headings with their numerals, paragraphs, lists, tables, figures. Every format
//! shows the same blocks; what a heading or a caption is called is decided here, once.

mod cited;
pub(super) mod columns;
mod declared;
mod front;
mod length;
mod numerals;
pub(super) mod page;
mod reading;
mod title;

use std::ops::Range;

use super::chart::Chart;
use super::origin::{Cited, unmarked};
use super::summary::Card;
pub(super) use cited::{Mention, mentions, text};
pub(super) use declared::declared;
pub(super) use front::{Front, FrontMatter, Imprint, Layout};
pub(super) use length::{characters, of_text};
pub(super) use reading::read;
pub(super) use title::title_lines;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Heading(Heading),
    Paragraph(Vec<Run>),
    List(List),
    Table(Table),
    Cards(Vec<Card>),
    Figure(Figure),
    Rule,
}

/// `level` 1 to 4: 一、（一）1.（1）. The title is none of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heading {
    pub level: u8,
    /// Empty where headings are not numbered.
    pub numeral: String,
    pub text: Vec<Run>,
}

/// A stretch of text in one hand. A line break within a paragraph is `\n`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Run {
    pub text: String,
    pub is_strong: bool,
    pub is_emphasis: bool,
    /// The figures in it and the bytes they take, in order.
    pub figures: Vec<(Range<usize>, Cited)>,
}

impl Run {
    /// A text whose figures may be marked.
    pub(super) fn marked(text: &str) -> Self {
        let (text, found) = unmarked(text);
        let figures = found.into_iter().map(|(at, origin)| (at, Cited::of(origin))).collect();
        Self { text, figures, ..Self::default() }
    }

    /// Without its first bytes.
    fn without_front(&mut self, bytes: usize) {
        self.text.drain(..bytes);
        self.figures.retain_mut(|(at, _)| {
            let is_left = at.start >= bytes;
            if is_left {
                *at = at.start - bytes..at.end - bytes;
            }
            is_left
        });
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    /// The first number; bullets without one.
    pub first_number: Option<u64>,
    /// Paragraphs and lists within.
    pub items: Vec<Vec<Node>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// 表1　各单位办理情况; empty when the text gives none.
    pub caption: String,
    pub columns: Vec<ColumnAlign>,
    /// Repeated on every page.
    pub head: Vec<Vec<TableCell>>,
    pub body: Vec<Vec<TableCell>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ColumnAlign {
    #[default]
    Left,
    Center,
    Right,
}

/// A cell that a merge to its left or above covers is not in its row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableCell {
    pub text: Vec<Run>,
    pub column: usize,
    pub columns: usize,
    pub rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// 图1　各月吹哨上报数（件）
    pub caption: String,
    pub chart: Chart,
}

impl Figure {
    /// The table behind the chart.
    pub fn table(&self, caption: &str) -> Table {
        let table = self.chart.table();
        let row = |words: &[String]| {
            let cell = |(column, words): (usize, &String)| TableCell {
                text: vec![Run { text: words.clone(), ..Run::default() }],
                column,
                columns: 1,
                rows: 1,
            };
            words.iter().enumerate().map(cell).collect::<Vec<_>>()
        };
        let align = |column| if column == 0 { ColumnAlign::Left } else { ColumnAlign::Right };
        Table {
            caption: caption.to_owned(),
            columns: (0..table.head.len()).map(align).collect(),
            head: vec![row(&table.head)],
            body: table.rows.iter().map(|words| row(words)).collect(),
        }
    }
}

/// The text of runs, without their hands.
pub(super) fn plain(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}
