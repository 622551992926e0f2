//! What a form says about itself: its registration, who fills it for when and in which unit, who signs it.

use std::path::Path;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::report::Problem;
use crate::report::yaml::{self, Spanned};

/// The block at the top right, by which a survey form shows that it may be asked for.
#[derive(Debug, Clone)]
pub(in crate::report) struct Registration {
    pub number: Option<Spanned<String>>,
    pub authority: Option<Spanned<String>>,
    pub approved: Option<Spanned<String>>,
    pub filed: Option<Spanned<String>>,
    pub valid_until: Option<(NaiveDate, Spanned<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::report) enum Time {
    /// 统计时期: what happened in it.
    Period,
    /// 截止时点: what there was on that day.
    AsOf,
}

/// The line below the title.
#[derive(Debug, Clone)]
pub(in crate::report) struct Identity {
    pub registration: Option<Registration>,
    pub filled_by: Option<Spanned<String>>,
    pub issued_by: Option<Spanned<String>>,
    pub is_sealed: bool,
    pub time: Option<Time>,
    pub unit: Option<Spanned<String>>,
    pub signers: Signers,
}

/// The line below the table. An empty text leaves the place to a hand.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::report) struct Signers {
    pub head: Option<Spanned<String>>,
    pub reviewer: Option<Spanned<String>>,
    pub preparer: Option<Spanned<String>>,
    pub phone: Option<Spanned<String>>,
    pub date: Option<Spanned<String>>,
}

impl Identity {
    pub(in crate::report) fn texts(&self) -> impl Iterator<Item = &Spanned<String>> {
        let registration = self.registration.iter().flat_map(|registration| {
            [&registration.number, &registration.authority, &registration.approved, &registration.filed]
        });
        let line = [&self.filled_by, &self.issued_by, &self.unit];
        let signers = &self.signers;
        let signers = [&signers.head, &signers.reviewer, &signers.preparer, &signers.phone, &signers.date];
        registration.chain(line).chain(signers).flatten()
    }
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationFile {
    number: Option<Spanned<String>>,
    authority: Option<Spanned<String>>,
    approved: Option<Spanned<String>>,
    filed: Option<Spanned<String>>,
    valid_until: Option<Spanned<String>>,
}

pub(super) fn registration_of(path: &Path, file: RegistrationFile, problems: &mut Vec<Problem>) -> Registration {
    let valid_until = file.valid_until.and_then(|text| match text.value.parse::<NaiveDate>() {
        Ok(date) => Some((date, text)),
        Err(_) => {
            problems.push(
                yaml::problem(path, &text, format!("`{}` is no date", text.value)).hint("write it as 2025-12-31"),
            );
            None
        }
    });
    Registration {
        number: file.number,
        authority: file.authority,
        approved: file.approved,
        filed: file.filed,
        valid_until,
    }
}

impl Registration {
    /// The first thing it says.
    pub(in crate::report) fn place(&self) -> Option<&Spanned<String>> {
        let texts = [&self.number, &self.authority, &self.approved, &self.filed];
        texts.into_iter().flatten().next().or(self.valid_until.as_ref().map(|(_, text)| text))
    }

    /// What the law asks a survey form to show and this one does not.
    pub(in crate::report) fn lacking(&self) -> Vec<&'static str> {
        let shown = [
            ("number", self.number.is_some()),
            ("authority", self.authority.is_some()),
            ("approved` or `filed", self.approved.is_some() || self.filed.is_some()),
            ("valid_until", self.valid_until.is_some()),
        ];
        shown.into_iter().filter(|(_, is_shown)| !is_shown).map(|(name, _)| name).collect()
    }
}
