//! `gridhouse form merge` and `gridhouse form collect`.

use std::path::{Path, PathBuf};

use chrono::{NaiveDateTime, NaiveTime};
use rust_xlsxwriter::{DataValidation, Format as CellFormat, Workbook, XlsxError};
use serde_json::{Value, json};

use super::{Forms, audited, percent};
use crate::cli::args::Format;
use crate::cli::{CommandContext, Ending, local_now};
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::forms::{self, Outcome, Return, ReturnedCell};
use crate::project::Project;

/// Below the outbox of a day.
const SHEETS_FOLDER: &str = "采集表";
const ANSWERS_FOLDER: &str = "采集表核对结果";

/// What `merge` was asked for.
pub(super) struct Merge<'a> {
    pub forms: &'a [String],
    pub place: Option<&'a str>,
    pub by_grid: bool,
    pub out: Option<&'a Path>,
}

pub(super) async fn merge(context: &CommandContext<'_>, asked: &Merge<'_>, format: Format) -> Result<Ending> {
    let Merge { place, out, .. } = *asked;
    let all = Forms::open(context).await?;
    let chosen = all.chosen(asked.forms)?;
    let (project, session) = (&all.opened.project, &all.opened.session);
    let communities = forms::communities(session, place).await?;
    let communities = if asked.by_grid { forms::grids(session, &communities).await? } else { communities };
    let needs = forms::needs(&chosen, &all.dictionary, session, &communities).await?.open();
    let as_of = session.as_of();
    let folder = out.map_or_else(|| project.outbox().join(as_of.to_string()).join(SHEETS_FOLDER), Path::to_owned);
    audited(project, session, format!("form merge for {}", place.unwrap_or("all communities")), &folder)?;
    let form_names: Vec<String> = chosen.iter().map(|form| form.name.clone()).collect();
    let editions = project.editions(as_of);
    let issuing = forms::Issuing {
        needs: &needs,
        forms: &form_names,
        dictionary: &all.dictionary,
        contracts: &all.opened.contracts,
        session,
        communities: &communities,
        warehouse: &project.warehouse_folder(),
        out: &folder,
        workers: project.land_settings()?.workers,
        editions: out.is_none().then_some(editions.as_path()),
        is_whole: place.is_none() && asked.forms.is_empty() && !asked.by_grid,
    };
    let issued = forms::issue(&issuing).await?;
    let separate = |code: &str| needs.separate_cells.get(code).copied().unwrap_or(0);
    let landed = issued.iter().map(|sheet| {
        json!({
            "sheet_id": sheet.id, "community_code": sheet.community.community_code(), "issued_on": as_of.to_string(),
            "form_count": chosen.len(), "row_count": sheet.rows, "blank_cell_count": sheet.blank_cells,
            "old_cell_count": sheet.old_cells, "known_cell_count": sheet.known_cells,
            "separate_cell_count": separate(&sheet.community.code),
        })
    });
    let lock = project.warehouse().lock("gridhouse form merge")?;
    forms::land_rows(project, &all.opened.contracts, all.moment()?, &[("collection_sheets", landed.collect())]).await?;
    drop(lock);
    let header = ["sheet", "community", "rows", "to fill", "to look at", "known", "separately", "saved %"];
    let rows: Vec<Vec<Value>> = issued
        .iter()
        .map(|sheet| {
            let (asked, alone) = (sheet.blank_cells + sheet.old_cells, separate(&sheet.community.code));
            vec![
                json!(sheet.id),
                json!(sheet.community.name),
                json!(sheet.rows),
                json!(sheet.blank_cells),
                json!(sheet.old_cells),
                json!(sheet.known_cells),
                json!(alone),
                json!(percent(alone.saturating_sub(asked), alone)),
            ]
        })
        .collect();
    context.output.records(format, &header, &rows)?;
    let saving = needs.saving;
    let saved =
        |alone: u64, merged: u64| percent(alone.saturating_sub(merged), alone).unwrap_or_else(|| "0.00".to_owned());
    context.output.say(format!(
        "\n{} forms in one sheet a community: {} cells instead of {} (-{} %), {} filings a year instead of {} (-{} %)",
        saving.forms,
        saving.cells_collected,
        saving.cells_separate,
        saved(saving.cells_separate, saving.cells_collected),
        saving.filings_collected,
        saving.filings_separate,
        saved(saving.filings_separate, saving.filings_collected),
    ));
    if saving.undecided > 0 {
        context.output.say(format!(
            "{} items are not collected: what they ask for is to be decided in form.yml (`gridhouse form show FORM`)",
            saving.undecided
        ));
    }
    context.output.say(format!("in {}", folder.display()));
    Ok(all.ending())
}

pub(super) async fn collect(
    context: &CommandContext<'_>,
    files: &[PathBuf],
    dry_run: bool,
    format: Format,
) -> Result<Ending> {
    let all = Forms::open(context).await?;
    for table in ["collected_cells", "collection_returns"] {
        if all.opened.contracts.get(table).is_none() {
            return Err(Diagnostic::error(format!("the project has no contract for `{table}`"))
                .in_file(all.opened.project.contracts_folder())
                .effect("nothing was taken: it would have nowhere to go")
                .hint("copy it from a project that `gridhouse demo` has made"));
        }
    }
    let project = &all.opened.project;
    let limits = project.land_settings()?.limits;
    let _lock = if dry_run { None } else { Some(project.warehouse().lock("gridhouse form collect")?) };
    let mut ending = all.ending();
    let mut rows = Vec::new();
    for file in files {
        // Each file is compared with what the one before has changed.
        let session = all.newest().await?;
        let outcome = take(file, &all, &session, limits, dry_run).await;
        let row = match outcome {
            Ok(None) => vec![json!(file), json!("handed in before, nothing changed")],
            Ok(Some(back)) => {
                for remark in &back.remarks {
                    context.output.problem(&Diagnostic::warning(remark.clone()).in_file(file));
                }
                let not_taken: Vec<&ReturnedCell> = back.cells.iter().filter(|cell| !cell.outcome.is_taken()).collect();
                if !not_taken.is_empty() && !back.is_decision {
                    ending = Ending::Problems;
                    let list = answer_file(project, &session, &back, &not_taken)?;
                    let problem = Diagnostic::warning(format!(
                        "{} conflicts and {} refused cells were not taken",
                        back.count(Outcome::Conflict),
                        back.count(Outcome::Refused)
                    ));
                    context.output.problem(&problem.in_file(file).note("listed in", list.display().to_string()));
                }
                vec![
                    json!(file),
                    json!(if dry_run { "would be taken" } else { "taken" }),
                    json!(back.prefilled),
                    json!(back.changed),
                    json!(back.added),
                    json!(back.count(Outcome::Accepted)),
                    json!(back.count(Outcome::Confirmed)),
                    json!(back.count(Outcome::Conflict)),
                    json!(back.count(Outcome::Refused)),
                ]
            }
            Err(problem) => {
                ending = Ending::Problems;
                context.output.problem(&problem);
                vec![json!(file), json!("refused")]
            }
        };
        rows.push(row);
    }
    let header =
        ["file", "outcome", "prefilled", "changed", "added", "accepted", "confirmed", "conflicts", "refused cells"];
    for row in &mut rows {
        row.resize(header.len(), Value::Null);
    }
    context.output.records(format, &header, &rows)?;
    Ok(ending)
}

/// Compares one file and lands it; nothing if it was handed in before.
async fn take(
    file: &Path,
    all: &Forms,
    session: &crate::query::Session,
    limits: crate::source::Limits,
    dry_run: bool,
) -> Result<Option<Return>> {
    let project = &all.opened.project;
    if let Some(mut back) = forms::decided(file, session, limits).await? {
        if back.cells.is_empty() {
            return Ok(None);
        }
        if !dry_run {
            forms::land(&mut back, project, &all.opened.contracts, &all.dictionary, session, all.moment()?).await?;
        }
        return Ok(Some(back));
    }
    let mut back = forms::compare(file, project, &all.forms, &all.dictionary, session, limits).await?;
    if forms::is_known(session, &back.hash).await? {
        return Ok(None);
    }
    if !dry_run {
        // Before anything is landed: what came in is never lost.
        let kept = project.archive().join(SHEETS_FOLDER).join(session.as_of().to_string());
        fs_err::create_dir_all(&kept).doing("keeping the returned sheet")?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        fs_err::copy(file, kept.join(format!("{}_{name}", &back.hash[..8]))).doing("keeping the returned sheet")?;
        forms::land(&mut back, project, &all.opened.contracts, &all.dictionary, session, all.moment()?).await?;
    }
    Ok(Some(back))
}

/// The workbook that tells a community what was not taken and why.
fn answer_file(
    project: &Project,
    session: &crate::query::Session,
    back: &Return,
    cells: &[&ReturnedCell],
) -> Result<PathBuf> {
    let folder = project.outbox().join(session.as_of().to_string()).join(ANSWERS_FOLDER);
    fs_err::create_dir_all(&folder).doing("listing what was not taken")?;
    let stem = back.path.file_stem().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!("{stem}_{}.xlsx", &back.hash[..8]));
    let bytes = answers(cells, &back.hash, local_now(project)?).doing("listing what was not taken")?;
    let mut file = tempfile::NamedTempFile::new_in(&folder).doing("listing what was not taken")?;
    std::io::Write::write_all(&mut file, &bytes).doing("listing what was not taken")?;
    file.persist(&path).doing("listing what was not taken")?;
    Ok(path)
}

fn answers(cells: &[&ReturnedCell], hash: &str, returned_at: NaiveDateTime) -> std::result::Result<Vec<u8>, XlsxError> {
    let head = CellFormat::new().set_bold().set_border(rust_xlsxwriter::FormatBorder::Thin);
    let text = CellFormat::new().set_border(rust_xlsxwriter::FormatBorder::Thin).set_text_wrap().set_num_format("@");
    let open = text.clone().set_background_color(rust_xlsxwriter::Color::RGB(0x00FF_F9DB));
    let returned_at = returned_at.format("%Y-%m-%d %H:%M").to_string();
    let mut book = Workbook::new();
    let date = rust_xlsxwriter::ExcelDateTime::from_ymd(2024, 1, 1)?;
    book.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&date));
    let sheet = book.add_worksheet().set_name("核对结果")?;
    let header = [
        ("位置", 14),
        ("对象编号", 18),
        ("数据项", 18),
        ("发出时的值", 22),
        ("交回的值", 22),
        ("交回的时间", 17),
        ("库中现在的值", 22),
        ("库中值的时间", 17),
        ("结果", 8),
        ("理由", 50),
        (forms::DECISION, 16),
    ];
    for (at, (label, width)) in (0..).zip(header) {
        sheet.write_with_format(0, at, label, &head)?;
        sheet.set_column_width(at, width)?;
    }
    for (row, cell) in (1..).zip(cells) {
        // Where only the day is known it stands alone.
        let time = cell.current_at.map(|time| match time.time() {
            NaiveTime::MIN => time.date().to_string(),
            _ => time.format("%Y-%m-%d %H:%M").to_string(),
        });
        let texts = [
            Some(cell.place.as_str()),
            cell.object.as_deref(),
            cell.label.as_deref(),
            cell.base.as_deref(),
            cell.returned.as_deref(),
            Some(returned_at.as_str()),
            cell.current.as_deref(),
            time.as_deref(),
            Some(cell.outcome.label()),
            Some(cell.reason.as_str()),
        ];
        for (at, value) in (0..).zip(texts) {
            sheet.write_string_with_format(row, at, value.unwrap_or_default(), &text)?;
        }
        let column = texts.len() as u16;
        if cell.outcome == Outcome::Conflict {
            sheet.write_blank(row, column, &open)?;
            let choices = [forms::TAKE_RETURNED, forms::TAKE_CURRENT];
            let rule = DataValidation::new().allow_list_strings(&choices)?.set_error_message("请从下拉列表中选择。")?;
            sheet.add_data_validation(row, column, row, column, &rule)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    let identity = book.add_worksheet().set_name(forms::IDENTITY_SHEET)?.set_very_hidden(true);
    identity.write(0, 0, forms::ANSWERED)?.write(0, 1, hash)?;
    book.save_to_buffer()
}
