//! ODCS files to contracts. Every problem is collected with its place; nothing stops at the first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::bind::folded_name;
use super::declared::{File, meant};
use super::rules::RuleKind;
use super::yaml::Place;
use super::{CodeLists, ColumnKind, Contract, Problem};

pub(super) fn load(folder: &Path, code_lists_csv: &Path) -> Result<(Vec<Contract>, CodeLists), Vec<Problem>> {
    let mut problems = Vec::new();
    let code_lists = CodeLists::load(code_lists_csv, &mut problems);
    let mut contracts = Vec::new();
    match contract_files(folder) {
        Ok(files) => {
            for file in files {
                match std::fs::read_to_string(&file) {
                    Ok(text) => contracts
                        .extend(File { path: &file, lists: &code_lists, problems: &mut problems }.contracts(&text)),
                    Err(error) => problems.push(unreadable(&file, &error)),
                }
            }
        }
        Err(error) => problems.push(unreadable(folder, &error)),
    }
    check_between(&contracts, &mut problems);
    mark_identifiers(&mut contracts);
    let contracts = in_order(contracts, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    if problems.is_empty() { Ok((contracts, code_lists)) } else { Err(problems) }
}

fn contract_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.ends_with(".odcs.yaml") || name.ends_with(".odcs.yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot be read: {error}");
    Problem { file: path.to_owned(), line: 1, column: 1, message, hint: None }
}

/// What can only be judged with all contracts at hand.
fn check_between(contracts: &[Contract], problems: &mut Vec<Problem>) {
    // A file that could not be read is one problem, not one for every table that refers to it.
    let broken: BTreeSet<String> = problems.iter().filter_map(|problem| table_of(&problem.file)).collect();
    let mut problem = |contract: &Contract, at: Place, message: String, hint: Option<String>| {
        problems.push(Problem { file: contract.path.clone(), line: at.line, column: at.column, message, hint });
    };
    let top = |contract: &Contract| Place { line: contract.line, column: 1 };
    for (index, contract) in contracts.iter().enumerate() {
        if let Some(other) = contracts[..index].iter().find(|c| c.table == contract.table) {
            let message = format!("table `{}` already has a contract, `{}`", contract.table, other.path.display());
            problem(contract, top(contract), message, None);
        }
        for beginning in &contract.files {
            let claims = |c: &&Contract| c.files.iter().any(|f| folded_name(f) == folded_name(beginning));
            if let Some(other) = contracts[..index].iter().find(claims) {
                let message = format!("files named `{beginning}` already belong to table `{}`", other.table);
                problem(contract, top(contract), message, None);
            }
        }
        for column in &contract.columns {
            for rule in &column.rules {
                if let RuleKind::Reference { table, column: target } = &rule.kind {
                    let Some(other) = contracts.iter().find(|c| c.table == *table) else {
                        if broken.contains(table) {
                            continue;
                        }
                        let message = format!("column `{}` refers to the unknown table `{table}`", column.name);
                        let hint = meant(table, contracts.iter().map(|c| c.table.as_str()));
                        problem(contract, rule.at, message, hint);
                        continue;
                    };
                    let names = other.columns.iter().map(|c| c.name.as_str());
                    match other.column(target) {
                        None => {
                            let message =
                                format!("column `{}` refers to `{table}.{target}`, which is no column", column.name);
                            problem(contract, rule.at, message, meant(target, names));
                        }
                        Some((_, target)) if target.kind != ColumnKind::Text => {
                            let message = format!(
                                "column `{}` refers to `{table}.{}`, which is no text",
                                column.name, target.name
                            );
                            problem(contract, rule.at, message, None);
                        }
                        Some(_) => {}
                    }
                }
                for condition in &rule.when {
                    let Some(list) = contract.columns[condition.column].code_list() else { continue };
                    for value in &condition.values {
                        if list.sort(value).is_none() {
                            let message =
                                format!("`when` waits for `{value}`, which is no label of list `{}`", list.name);
                            let labels = list.entries.iter().map(|e| e.label.as_str());
                            problem(contract, rule.at, message, meant(value, labels));
                        }
                    }
                }
            }
        }
    }
}

/// Both ends of a reference are written alike only if both are known to be ends.
fn mark_identifiers(contracts: &mut [Contract]) {
    let mut ends: BTreeSet<(String, String)> = BTreeSet::new();
    for contract in contracts.iter() {
        ends.extend(contract.key.iter().map(|at| (contract.table.clone(), contract.columns[*at].name.clone())));
        for column in &contract.columns {
            for rule in &column.rules {
                if let RuleKind::Reference { table, column: target } = &rule.kind {
                    ends.insert((contract.table.clone(), column.name.clone()));
                    ends.insert((table.clone(), target.clone()));
                }
            }
        }
    }
    for contract in contracts {
        for column in &mut contract.columns {
            column.is_identifier = ends.contains(&(contract.table.clone(), column.name.clone()));
        }
    }
}

/// The table a contract file is named after.
fn table_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.split_once(".odcs.")?.0.to_owned())
}

/// A table after all tables it refers to, otherwise in the order of the files.
fn in_order(contracts: Vec<Contract>, problems: &mut Vec<Problem>) -> Vec<Contract> {
    let mut waiting = contracts;
    let mut ordered: Vec<Contract> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |contract: &Contract| {
            contract.depends_on().iter().all(|table| !waiting.iter().any(|other| other.table == *table))
        };
        let ready: Vec<bool> = waiting.iter().map(is_ready).collect();
        if !ready.contains(&true) {
            let tables = waiting.iter().map(|c| format!("`{}`", c.table)).collect::<Vec<_>>().join(", ");
            let first = &waiting[0];
            problems.push(Problem {
                file: first.path.clone(),
                line: first.line,
                column: 1,
                message: format!("the tables {tables} refer to each other in a circle"),
                hint: Some("make one of the references a warning".to_owned()),
            });
            ordered.append(&mut waiting);
            break;
        }
        let mut is_ready = ready.into_iter();
        let (now, later): (Vec<Contract>, Vec<Contract>) =
            waiting.into_iter().partition(|_| is_ready.next() == Some(true));
        ordered.extend(now);
        waiting = later;
    }
    ordered
}
