//! Personal data kept out of what is said of a change.
//!
//! What stands in a row of a view that tells of persons is not said, whatever form or text shows it. Of what was
//! published nobody knows any more which query gave it: where queries have changed, of the old only figures are said,
//! and what the new says as well.

use std::collections::BTreeMap;
use std::path::Path;

use super::published::Published;
use super::{Today, marts_of};
use crate::contract::names_a_person;
use crate::query::Persons;
use crate::report::{Difference, Report};

/// What stands for what is not said.
pub(super) const HIDDEN: &str = "*";
/// A figure with more digits may be somebody's number.
const FIGURE_DIGITS_MAX: usize = 6;
/// The place of what is said of a sheet as a whole.
const SHEET: &str = "sheet";

pub(super) struct Veil<'a> {
    persons: &'a Persons,
    /// Whether lines, and cells of no known column, may tell of persons.
    is_list: bool,
    /// Whether what was published may tell of persons all the same.
    was_list: bool,
    /// Whether files or sheets are called by what tells of persons.
    are_names_personal: bool,
    /// All words of the report's templates, without blanks.
    words: String,
}

impl<'a> Veil<'a> {
    pub(super) fn new(today: &Today<'_>, report: &Report, then: &Published, persons: &'a Persons) -> Self {
        let tells = |view: &str| persons.are_told_by(view);
        let is_list = report.has_row_lists() || report.views().into_iter().any(tells);
        let queries = |queries: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            queries
                .iter()
                .filter(|(file, _)| file.ends_with(".sql"))
                .map(|(file, hash)| (file.clone(), hash.clone()))
                .collect()
        };
        let now = today.context.inputs.below(&report.views()).0;
        let is_same = queries(&now) == queries(&then.record.queries);
        let was_list = !is_same || marts_of(&then.record.queries).any(tells);
        let folder = report.path.parent();
        let files = report.template_hashes().keys().filter_map(|file| fs_err::read_to_string(folder?.join(file)).ok());
        let words = files.map(|text| squeezed(&text)).collect();
        let are_names_personal =
            report.naming_columns().into_iter().any(|(view, column)| persons.are_behind(view, column));
        Self { persons, is_list, was_list, are_names_personal, words }
    }

    /// What may be said of the name of a file; its ending tells nothing.
    pub(super) fn over_file(&self, file: &str, is_gone: bool) -> String {
        let stem = Path::new(file).with_extension("");
        match (self.over_name(&stem.display().to_string(), is_gone), Path::new(file).extension()) {
            (name, Some(extension)) if name == HIDDEN => format!("{HIDDEN}.{}", extension.display()),
            (name, _) if name == HIDDEN => name,
            _ => file.to_owned(),
        }
    }

    /// The same of a sheet. Of one that is gone nobody knows any more what it was called by.
    fn over_name(&self, name: &str, is_gone: bool) -> String {
        let is_open = if is_gone { !self.was_list } else { !self.are_names_personal };
        let words = squeezed(name);
        if is_open || !words.is_empty() && self.words.contains(&words) { name.to_owned() } else { HIDDEN.to_owned() }
    }

    /// What may be said of a difference; `source` is the view and column of its cell.
    pub(super) fn over(&self, difference: Difference, source: Option<&(String, String)>) -> Difference {
        let is_whole = difference.place == SHEET;
        let difference =
            Difference { sheet: self.over_name(&difference.sheet, is_whole && difference.new.is_none()), ..difference };
        if is_whole {
            return difference;
        }
        let is_of_person = match source {
            Some((view, _)) => self.persons.are_told_by(view),
            None => self.is_list,
        };
        let hidden = || HIDDEN.to_owned();
        // A column may be called by a value.
        let is_own = difference.column.split('/').all(|label| self.words.contains(&squeezed(label)));
        if is_of_person {
            return Difference {
                row: hidden(),
                column: if is_own { difference.column } else { hidden() },
                old: difference.old.map(|_| hidden()),
                new: difference.new.map(|_| hidden()),
                ..difference
            };
        }
        let open = |text: String| if names_a_person(&text) { hidden() } else { text };
        // Rows and columns that are gone are called as they were.
        let is_gone = difference.new.is_none() && difference.place.contains(' ');
        let old = difference.old.map(|old| match self.was_list {
            true => open(common(&old, difference.new.as_deref().unwrap_or_default())),
            false => open(old),
        });
        Difference {
            row: if is_gone && self.was_list { hidden() } else { open(difference.row) },
            column: if is_gone && self.was_list && !is_own { hidden() } else { open(difference.column) },
            old,
            new: difference.new.map(open),
            ..difference
        }
    }
}

fn squeezed(text: &str) -> String {
    text.replace("\\n", "").split_whitespace().collect()
}

/// `old` with what stands in `new` as well, and what differs where it is a figure.
fn common(old: &str, new: &str) -> String {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let is_digit = |at: usize| old.get(at).is_some_and(char::is_ascii_digit);
    let mut start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = |signs: &[char]| signs[start.min(signs.len())..].to_vec();
    let tail = rest(&old).iter().rev().zip(rest(&new).iter().rev()).take_while(|(a, b)| a == b).count();
    let mut end = old.len() - tail;
    // A number is said whole or not at all.
    while start > 0 && is_digit(start) && is_digit(start - 1) {
        start -= 1;
    }
    while end > start && is_digit(end) && is_digit(end - 1) {
        end += 1;
    }
    let text = |signs: &[char]| signs.iter().collect::<String>();
    let middle = text(&old[start..end]);
    let middle = if middle.is_empty() || is_figure(&middle) { middle } else { HIDDEN.to_owned() };
    format!("{}{middle}{}", text(&old[..start]), text(&old[end..]))
}

fn is_figure(text: &str) -> bool {
    let text = text.trim().trim_end_matches('%');
    let whole = text.trim_start_matches(['-', '+']).split('.').next().unwrap_or_default();
    let is_padded = whole.len() > 1 && whole.starts_with('0');
    matches!(text, "—" | "*") || text.parse::<f64>().is_ok() && whole.len() <= FIGURE_DIGITS_MAX && !is_padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_old_only_figures_and_what_is_said_anew_are_told() {
        for (old, new, told) in [
            ("12", "13", "12"),
            ("98.59%", "97%", "98.59%"),
            ("受理123件，办结98件", "受理124件，办结98件", "受理123件，办结98件"),
            ("街道", "街道名称", "街道"),
            ("张三", "12", "*"),
            ("住址：芙蓉北路3栋", "住址：", "住址：*"),
            ("1980-01-01", "12", "*"),
            ("82345678", "82", "*"),
            ("电话82345678转1", "电话82345679转1", "电话*转1"),
            ("", "", ""),
        ] {
            assert_eq!(common(old, new), told, "{old} {new}");
        }
    }
}
