//! Who delivers what: the files of a night, each in the manner of the system it comes from.

use super::output::{Delivery, Format};
use super::row::{CodeForm, DateForm, Header, Style};
use super::tables::{
    DWELLINGS, RESIDENT_TAGS, RESIDENTS, SCORE_EVENTS, SHOP_CHECKS, SHOPS, Table, VISITS, WHISTLE_TASKS, WHISTLES,
};
use super::world::World;
use super::write::text::{Dialect, Encoding};
use crate::district::calendar::civil;

/// Subdistricts whose clerks save a CSV from their office program.
const OFFICE: [&str; 4] = ["湘雅路街道", "通泰街街道", "浏阳河街道", "捞刀河街道"];
/// The one that keeps its residents in a workbook.
const WORKBOOK: &str = "望麓园街道";
/// The first files of their kinds are Unix text; these come with codes instead of labels.
const CODED: [&str; 3] = ["430105002", "430105012", "430105021"];

/// Parts of the district that deliver dwellings and shops together: first subdistrict, name.
const QUARTERS: [(usize, &str); 4] = [(0, "1"), (4, "2"), (8, "3"), (12, "4")];

impl Delivery {
    /// Roughly how long it takes, for the order of work.
    pub(crate) fn effort(&self, world: &World) -> u64 {
        let rows = |count: fn(&super::world::GridCounts) -> u32| -> u64 {
            self.grids.clone().map(|grid| u64::from(count(&world.counts[grid]))).sum()
        };
        let each = if self.format == Format::Workbook { 8 } else { 1 };
        each * match self.table.name {
            "residents" | "resident_tags" => rows(|c| c.residents),
            "shops" | "shop_checks" => rows(|c| c.shops),
            "visits" => rows(|c| c.residents + c.visits),
            "dwellings" => rows(|c| c.residents + c.dwellings),
            _ => rows(|c| c.daily + c.district),
        }
    }
}

pub(crate) fn deliveries(world: &World) -> Vec<Delivery> {
    let (year, month, day) = civil(world.as_of());
    let date = format!("{year:04}{month:02}{day:02}");
    let mut files = Vec::new();
    residents(world, &date, &mut files);
    quarters(world, &date, &mut files);
    let all = 0..world.district.grids.len();
    let mut add = |file: String, table: &'static Table, format: Format, style: Style| {
        files.push(Delivery { file, table, format, style, grids: all.clone(), title: None });
    };
    add(
        format!("安全检查_{date}.csv"),
        &SHOP_CHECKS,
        Format::Csv(Dialect { encoding: Encoding::Utf8WithMark, delimiter: ';', line_end: "\r\n" }),
        Style { dates: DateForm::Iso, ..Style::CHINESE },
    );
    add(
        format!("resident_tags_{date}.tsv"),
        &RESIDENT_TAGS,
        Format::Csv(Dialect { delimiter: '\t', ..Dialect::PLAIN }),
        Style::ENGLISH,
    );
    add(
        format!("visits_{date}.jsonl"),
        &VISITS,
        Format::JsonLines,
        Style { codes: CodeForm::English, dates: DateForm::IsoT, ..Style::ENGLISH },
    );
    add(format!("whistles_{date}.parquet"), &WHISTLES, Format::Parquet, Style::ENGLISH);
    add(
        format!("whistle_tasks_{date}.csv"),
        &WHISTLE_TASKS,
        Format::Csv(Dialect { encoding: Encoding::Utf16, delimiter: ',', line_end: "\r\n" }),
        Style::ENGLISH,
    );
    // Of the whole district; no grid of its own.
    files.push(Delivery {
        file: format!("考核事项_{date}.csv"),
        table: &SCORE_EVENTS,
        format: Format::Csv(Dialect { encoding: Encoding::Utf8WithMark, delimiter: ',', line_end: "\r\n" }),
        style: Style { dates: DateForm::Iso, ..Style::CHINESE },
        grids: 0..1,
        title: None,
    });
    files
}

/// One file a subdistrict.
fn residents(world: &World, date: &str, files: &mut Vec<Delivery>) {
    for subdistrict in &world.district.subdistricts {
        let (name, code) = (subdistrict.name, subdistrict.code);
        let (file, format, style) = if OFFICE.contains(&name) {
            (format!("居民_{name}_{date}.csv"), Format::Csv(Dialect::OFFICE), Style::CHINESE)
        } else if name == WORKBOOK {
            (format!("居民_{name}_{date}.xlsx"), Format::Workbook, Style::CHINESE)
        } else {
            let codes = if CODED.contains(&code) { CodeForm::Code } else { CodeForm::Label };
            let dialect = if code == "430105015" {
                Dialect { encoding: Encoding::Utf8WithMark, line_end: "\r\n", ..Dialect::PLAIN }
            } else {
                Dialect::PLAIN
            };
            (format!("residents_{code}_{date}.csv"), Format::Csv(dialect), Style { codes, ..Style::ENGLISH })
        };
        files.push(Delivery { file, table: &RESIDENTS, format, style, grids: subdistrict.grids.clone(), title: None });
    }
}

/// Dwellings and shops come by quarters of the district.
fn quarters(world: &World, date: &str, files: &mut Vec<Delivery>) {
    let subdistricts = &world.district.subdistricts;
    let part = |at: usize| {
        let first = QUARTERS[at].0;
        let last = QUARTERS.get(at + 1).map_or(subdistricts.len(), |next| next.0);
        subdistricts[first].grids.start..subdistricts[last - 1].grids.end
    };
    for (at, (_, name)) in QUARTERS.iter().enumerate() {
        // The third quarter, beside 㮾梨, needs more than GBK.
        let (file, dialect, style) = if at == 2 {
            (format!("房屋_第{name}片区_{date}.csv"), Dialect::OFFICE, Style::CHINESE)
        } else {
            let codes = if at == 1 { CodeForm::English } else { CodeForm::Label };
            (format!("dwellings_{name}_{date}.csv"), Dialect::PLAIN, Style { codes, ..Style::ENGLISH })
        };
        files.push(Delivery {
            file,
            table: &DWELLINGS,
            format: Format::Csv(dialect),
            style,
            grids: part(at),
            title: None,
        });
    }
    for (at, (_, name)) in QUARTERS.iter().enumerate() {
        files.push(Delivery {
            file: format!("商铺_第{name}片区_{date}.xlsx"),
            table: &SHOPS,
            format: Format::Workbook,
            style: Style { header: Header::Chinese, dates: DateForm::Iso, ..Style::CHINESE },
            grids: part(at),
            title: Some(format!("开福区门店信息采集表（第{name}片区）")),
        });
    }
}
