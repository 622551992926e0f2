//! Sheets written as text: `<` goes with the cell on the left, `^` with the one above; a row in brackets has a border.

use std::fmt::Write as _;

use super::layout::read;
use super::page::{Area, Page};

fn page(rows: &[&str]) -> Page {
    let mut page = Page::default();
    let cells: Vec<Vec<&str>> =
        rows.iter().map(|row| row.trim_matches(['[', ']']).split('|').map(str::trim).collect::<Vec<_>>()).collect();
    for (row, line) in cells.iter().enumerate() {
        for (column, text) in line.iter().enumerate() {
            let (top, left) = (row as u32, column as u32);
            if rows[row].starts_with('[') {
                page.framed.insert((top, left));
            }
            if matches!(*text, "<" | "^") {
                continue;
            }
            let goes_on = |line: &[&str], at: usize| line.get(at).is_some_and(|text| *text == "<");
            let width = (1..).take_while(|more| goes_on(line, column + more)).count() as u32;
            let is_below = |line: &&Vec<&str>| line.get(column).is_some_and(|text| *text == "^");
            let height = cells[row + 1..].iter().take_while(is_below).count() as u32;
            if width + height > 0 {
                page.merged.push(Area { top, left, bottom: top + height, right: left + width });
            }
            if !text.is_empty() {
                page.texts.insert((top, left), text.replace("\\n", "\n"));
            }
        }
    }
    page
}

fn shown(rows: &[&str]) -> String {
    let layout = read(&page(rows));
    let mut text = format!("{}\n", layout.title);
    for (key, value) in &layout.said {
        let _ = writeln!(text, "{key}: {value}");
    }
    for note in &layout.notes {
        let _ = writeln!(text, "note {note}");
    }
    for table in &layout.tables {
        let _ = writeln!(text, "{} rows {}-{}", table.kind.name(), table.body.0 + 1, table.body.1 + 1);
        for item in &table.items {
            let _ = write!(text, "  {} {}", Page::name_of(item.place), item.path.join("/"));
            for more in [&item.unit, &item.number].into_iter().flatten() {
                let _ = write!(text, " [{more}]");
            }
            let _ = writeln!(text, "{}", item.choices.iter().map(|choice| format!(" □{choice}")).collect::<String>());
        }
    }
    for doubt in &layout.doubts {
        let _ = writeln!(text, "? {} {}", Page::name_of(doubt.place), doubt.about);
    }
    text
}

#[test]
fn a_list_has_the_headings_of_its_columns() {
    insta::assert_snapshot!(shown(&[
        "附件2",
        "出租房屋安全隐患排查台账|<|<|<|<|<|<",
        "填报单位（盖章）：    社区||||表 号：应急消〔2024〕3号||",
        "[序号|房屋地址|房主|<|承租人|<|出租面积（平方米）]",
        "[^|^|姓 名|联系\\n电话|姓名|证件号码|^]",
        "[1||||||]",
        "[2||||||]",
        "填表人：|||联系电话：|||",
        "说明：1.按月报送。|<|<|<|<|<|<",
    ]));
}

#[test]
fn a_matrix_has_the_names_of_its_rows_before_the_headings() {
    insta::assert_snapshot!(shown(&[
        "人口与家庭情况统计表|<|<|<|<|<",
        "|||||计量单位：人",
        "[指标名称|代码|合计|户籍人口|<|<]",
        "[^|^|^|小计|其中|<]",
        "[^|^|^|^|男|女]",
        "[甲|乙|1|2=3+4|3|4]",
        "[总人口|01||||]",
        "[其中：60岁以上|02|12|—||]",
    ]));
}

#[test]
fn a_card_has_a_label_before_each_blank() {
    insta::assert_snapshot!(shown(&[
        "残疾人基本服务状况登记卡|<|<|<|<",
        "[基本信息|姓名||性别|□男　□女]",
        "[^|身份证号码||联系电话|]",
        "[家庭情况|家庭人口（人）||是否低保|□是 □否]",
        "[入户走访情况||<|<|<]",
        "调查员：|||填表日期：|",
    ]));
}

#[test]
fn a_list_below_a_card_is_a_table_of_its_own() {
    insta::assert_snapshot!(shown(&[
        "九小场所消防安全检查表|<|<|<",
        "[场所名称||负责人|]",
        "[序号|检查项目|结果|整改期限]",
        "[1|疏散通道||]",
        "[2|消防器材||]",
        "检查人：||被检查单位签字：|",
    ]));
}

#[test]
fn groups_that_are_not_merged_are_doubted() {
    insta::assert_snapshot!(shown(&[
        "沿街门店信息采集表",
        "序号|店铺信息|||经营者||备注",
        "|店名|地址|统一社会信用代码|姓名|手机号|",
        "1||||||",
        "2||||||",
    ]));
}

/// What was filled in is neither a heading nor the name of a row.
#[test]
fn a_filled_list_shows_nobody() {
    let text = shown(&[
        "80岁以上老年人花名册|<|<|<",
        "[姓名|性别|公民身份号码|监护人电话]",
        "[张三|男|99010519400101123X|]",
        "[李四|女|990105194101011234|]",
    ]);
    assert!(!text.contains("张三") && !text.contains("李四") && !text.contains("9901"), "{text}");
    let card = shown(&["登记表|<|<|<|<", "[姓名|张三||性别|]"]);
    assert!(!card.contains("张三") && card.contains("E2 性别"), "{card}");
    insta::assert_snapshot!(text);
}

#[test]
fn what_can_be_read_in_two_ways_is_not_read() {
    insta::assert_snapshot!(shown(&[
        "登记表|<|<|<",
        "[姓名|张三|性别|]",
        "[|||]",
        "",
        "[场所||负责人|]",
        "[结果|措施|期限|复查]",
        "[|||]",
    ]));
}
