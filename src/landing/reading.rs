//! Reading one delivery: its rows bound to the contract, checked, and parted into accepted and quarantined ones.
//!
//! Runs on a worker thread and writes nothing. Where rows of a delivery refer to each other it is read again until no
//! accepted row refers to a rejected one.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::header::{absent_columns, delivered_names, is_correction, is_export_column, unknown_columns};
use super::held::{Held, HeldRow, HeldViolation};
use super::lookup::{Lookup, OwnValues, WithOwn, own_references, own_values};
use super::merge::{self, Accepted};
use super::quarantined::ID_HEADER;
use super::{Moment, file_name};
use crate::contract::{self, Binding, CheckContext, Checked, Contract, Contracts, DeliveryKind, RuleCode, Violation};
use crate::diagnostic::{Context, Diagnostic, Place, Result};
use crate::source::{self, OpenOptions, RawBatch, RawReader};

/// A delivery that has been read and checked.
pub(super) struct Prepared {
    pub(super) path: PathBuf,
    pub(super) hash: String,
    pub(super) accepted: Accepted,
    /// Where the rows come from several sheets: the first accepted row of each, and its name.
    pub(super) parts: Vec<(usize, Arc<str>)>,
    /// Rows that cannot land.
    pub(super) held: Held,
    /// A row that cannot land has no key that can be trusted: it may be any of the stored ones.
    pub(super) has_doubtful_key: bool,
    /// Rows of the quarantine come back: they are no full list.
    pub(super) is_correction: bool,
    pub(super) corrected_ids: HashSet<String>,
    pub(super) rows_in: u64,
    pub(super) warnings: u64,
    pub(super) remarks: Vec<String>,
}

impl Prepared {
    /// Whether stored rows are dropped because this delivery does not have them.
    pub(super) fn is_complete(&self, contract: &Contract) -> bool {
        contract.delivery == DeliveryKind::Full && !self.is_correction && !self.has_doubtful_key
    }
}

/// How often a delivery is read whose rows refer to each other: each time, rows that refer to rejected ones are rejected.
const READINGS_MAX: usize = 100;

/// What reading and checking one delivery needs; moved to a worker thread.
pub(super) struct Reading {
    pub(super) contract: Arc<Contracts>,
    pub(super) table: String,
    pub(super) path: PathBuf,
    pub(super) hash: String,
    pub(super) limits: source::Limits,
    pub(super) moment: Moment,
    pub(super) units: Vec<(String, String)>,
    pub(super) zone: chrono_tz::Tz,
}

impl Reading {
    pub(super) fn run(self, lookup: &Lookup) -> Result<Prepared> {
        let Some(contract) = self.contract.get(&self.table) else {
            return Err(Diagnostic::unexpected(format!("the contract of `{}` is gone", self.table)));
        };
        let targets = own_references(contract);
        let mut own: Option<OwnValues> = None;
        for _ in 0..READINGS_MAX {
            let known = WithOwn { stored: lookup, table: &contract.table, own: own.as_ref() };
            let prepared = self.read(contract, &known)?;
            let accepted = own_values(&targets, &prepared.accepted);
            if targets.is_empty() || own.as_ref() == Some(&accepted) {
                return Ok(prepared);
            }
            own = Some(accepted);
        }
        Err(Diagnostic::error(format!("more than {READINGS_MAX} rows in a row refer to a row that is rejected"))
            .in_file(&self.path)
            .effect("not landed")
            .hint("try `gridhouse land --dry-run` with the first rows of the file to see what is wrong with them"))
    }

    fn read(&self, contract: &Contract, known: &WithOwn<'_>) -> Result<Prepared> {
        let options =
            OpenOptions { limits: self.limits, is_known_column: &|name: &str| self.contract.is_known_column(name) };
        let mut reader = source::open(&self.path, &options).map_err(|error| self.source_problem(&error))?;
        let binding = contract
            .bind(&delivered_names(reader.header()))
            .map_err(|error| self.bind_problem(&error, reader.header_line()))?;
        let mut prepared = self.begun(contract, &binding, reader.as_ref());
        let context = CheckContext { as_of: self.moment.as_of, keys: known, zone: self.zone };
        let mut batches = Vec::new();
        let mut text_bytes = vec![0; contract.columns.len()];
        while let Some(raw) = reader.next_batch().map_err(|error| self.source_problem(&error))? {
            let checked = contract::check(contract, &binding, &raw, &context);
            self.collect(contract, &binding, &raw, &checked, &mut prepared)?;
            // Told while reading, before memory is full of it.
            for (at, column) in checked.accepted.columns().iter().enumerate() {
                text_bytes[at] += merge::text_bytes(column);
                merge::check_text_bytes(&contract.columns[at].name, text_bytes[at])?;
            }
            batches.push(checked.accepted);
        }
        if contract.delivery == DeliveryKind::Full && !prepared.is_correction {
            if prepared.rows_in == 0 {
                return Err(self.empty_list());
            }
            if prepared.has_doubtful_key {
                prepared.remarks.push(
                    "rows in quarantine have no key that can be trusted: no stored row was dropped for not being on the list"
                        .to_owned(),
                );
            }
        }
        prepared.accepted.rows = merge::joined(&contract.arrow_schema(), batches)?;
        Ok(prepared)
    }

    /// A delivery of which no row has been read yet.
    fn begun(&self, contract: &Contract, binding: &Binding, reader: &dyn RawReader) -> Prepared {
        let mut accepted = Accepted::none(contract);
        accepted.absent = (0..contract.columns.len()).filter(|at| binding.columns[*at].is_none()).collect();
        let mut remarks = reader.remarks();
        remarks.extend(unknown_columns(binding));
        remarks.extend(absent_columns(contract, binding));
        Prepared {
            path: self.path.clone(),
            hash: self.hash.clone(),
            accepted,
            parts: Vec::new(),
            held: Held::default(),
            has_doubtful_key: false,
            is_correction: is_correction(reader.header(), binding),
            corrected_ids: HashSet::new(),
            rows_in: 0,
            warnings: 0,
            remarks,
        }
    }

    /// Takes up everything of a batch but the values of its accepted rows.
    fn collect(
        &self,
        contract: &Contract,
        binding: &Binding,
        raw: &RawBatch,
        checked: &Checked,
        prepared: &mut Prepared,
    ) -> Result<()> {
        prepared.rows_in += raw.lines.len() as u64;
        if let Some(part) = &raw.part {
            prepared.parts.push((prepared.accepted.lines.len(), part.clone()));
        }
        prepared.accepted.lines.extend(checked.accepted_rows.iter().map(|row| raw.lines[*row as usize]));
        if let Some(operations) = &checked.operations {
            prepared.accepted.operations.get_or_insert_default().extend(operations);
        }
        if let Some(ids) = raw.values.column_by_name(ID_HEADER) {
            prepared.corrected_ids.extend(ids.as_string::<i32>().iter().flatten().map(|id| id.trim().to_owned()));
        }
        let key_columns: Vec<usize> = (0..contract.key.len()).collect();
        let keys = crate::warehouse::key_texts(&checked.rejected_keys, &key_columns)?;
        self.collect_violations(contract, binding, raw, &checked.violations, &keys, prepared)
    }

    fn empty_list(&self) -> Diagnostic {
        Diagnostic::error("the list is empty, and a full list without rows would empty the table")
            .in_file(&self.path)
            .effect("not landed, the stored rows stay")
            .hint("ask the sender to export the file again")
    }

    fn source_problem(&self, error: &source::SourceError) -> Diagnostic {
        let place = match error.line() {
            Some(line) => Place { file: self.path.clone(), line: Some(line), column: None },
            None => Place::file(&self.path),
        };
        let problem = Diagnostic::error(error.to_string()).at(place).effect("not landed");
        problem.hint("ask the sender to export the file again")
    }

    fn bind_problem(&self, error: &contract::BindError, line: u32) -> Diagnostic {
        Diagnostic::error(error.to_string())
            .at(Place { file: self.path.clone(), line: (line > 0).then_some(line), column: None })
            .effect("not landed")
            .hint(format!("`gridhouse describe {}` lists the columns and their other names", self.table))
    }

    /// Turns violations into quarantined rows, with the row's original text. `keys` are those of the rejected rows.
    fn collect_violations(
        &self,
        contract: &Contract,
        binding: &Binding,
        raw: &RawBatch,
        violations: &[Violation],
        keys: &StringArray,
        prepared: &mut Prepared,
    ) -> Result<()> {
        let mut keys = keys.iter();
        for violations in violations.chunk_by(|a, b| a.row == b.row) {
            if violations.iter().any(|violation| violation.is_warning) {
                prepared.warnings += 1;
            }
            let errors: Vec<&Violation> = violations.iter().filter(|violation| !violation.is_warning).collect();
            let Some(row) = errors.first().map(|violation| violation.row as usize) else { continue };
            let typed_key = keys.next().flatten();
            prepared.has_doubtful_key |=
                typed_key.is_none() || errors.iter().any(|violation| casts_doubt_on_key(contract, violation));
            let (original, delivered_key, unit) = self.original(contract, binding, raw, row)?;
            let violation = |found: &&Violation| HeldViolation {
                column: found.column.clone(),
                rule: found.rule,
                reason: found.reason.clone(),
            };
            prepared.held.add(HeldRow {
                part: raw.part.clone(),
                line: raw.lines[row],
                original,
                // As stored keys are written; one that could not be understood stays as it was delivered.
                key: typed_key.map(str::to_owned).or(delivered_key),
                unit,
                violations: errors.iter().map(violation).collect(),
            })?;
        }
        Ok(())
    }

    /// A row's delivered text as JSON, its key as delivered and its unit.
    fn original(
        &self,
        contract: &Contract,
        binding: &contract::Binding,
        raw: &RawBatch,
        row: usize,
    ) -> Result<(String, Option<String>, Option<String>)> {
        let mut cells = Map::new();
        for (at, field) in raw.values.schema().fields().iter().enumerate() {
            let column = raw.values.column(at).as_string::<i32>();
            let bound = binding.columns.iter().position(|place| *place == Some(at));
            if column.is_valid(row) && (bound.is_some() || !is_export_column(field.name())) {
                let name = bound.map_or(field.name().as_str(), |c| &contract.columns[c].name);
                cells.insert(name.to_owned(), Value::String(column.value(row).to_owned()));
            }
        }
        let text = |name: &str| cells.get(name).and_then(Value::as_str).map(str::trim);
        let parts: Option<Vec<&str>> = contract.key.iter().map(|at| text(&contract.columns[*at].name)).collect();
        let key = parts.map(|parts| parts.join("\u{1f}"));
        let unit = unit_of(text("grid_code"), &file_name(&self.path), &self.units);
        Ok((serde_json::to_string(&cells).doing("keeping a row's text")?, key, unit))
    }
}

/// The subdistrict a row belongs to: from its grid code, else from the name of the file.
fn unit_of(grid_code: Option<&str>, file: &str, units: &[(String, String)]) -> Option<String> {
    let by_grid = grid_code.and_then(|grid| units.iter().find(|(_, code)| grid.starts_with(code.as_str())));
    by_grid.or_else(|| units.iter().find(|(name, _)| file.contains(name.as_str()))).map(|(_, code)| code.clone())
}

/// Whether the row may be another than its key says: the row has slipped, or the key itself is wrong.
fn casts_doubt_on_key(contract: &Contract, violation: &Violation) -> bool {
    let is_of_row = violation.column.is_empty() && violation.rule == RuleCode::RaggedRow;
    is_of_row || contract.key.iter().any(|at| *contract.columns[*at].name == *violation.column)
}

/// A row that shares key and version with a different row of the same delivery.
pub(super) fn tie(contract: &Contract, prepared: &Prepared, keys: &StringArray, row: u32) -> Result<HeldRow> {
    let mut cells = Map::new();
    for (at, column) in contract.columns.iter().enumerate() {
        let value = prepared.accepted.rows.column(at).slice(row as usize, 1);
        let text = cast(&value, &DataType::Utf8).doing("keeping a row's text")?;
        let text = text.as_string::<i32>();
        if text.is_valid(0) {
            cells.insert(column.name.clone(), Value::String(text.value(0).to_owned()));
        }
    }
    let key_column = contract.key.first().map(|at| contract.columns[*at].name.as_str()).unwrap_or_default();
    let part = prepared.parts.iter().rev().find(|(first, _)| *first <= row as usize).map(|(_, part)| part.clone());
    let reason = "同一编号在本次报送中出现多次且内容不一致、更新时间相同，无法判断以哪一条为准，请核实后只报一条";
    Ok(HeldRow {
        part,
        line: prepared.accepted.lines[row as usize],
        original: serde_json::to_string(&cells).doing("keeping a row's text")?,
        key: Some(keys.value(row as usize).to_owned()),
        unit: None,
        violations: vec![HeldViolation {
            column: key_column.into(),
            rule: RuleCode::DuplicateKey,
            reason: reason.into(),
        }],
    })
}
