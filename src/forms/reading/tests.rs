//! Sheets written as text: `<` goes with the cell on the left, `^` with the one above; a row in brackets has a border, but
//! for its cells with `~`; `=` is calculated.

use std::fmt::Write as _;

use super::layout::read;
use super::page::{Area, Page};

fn page(rows: &[&str]) -> Page {
    let (mut page, mut merged) = (Page::default(), Vec::new());
    let cells: Vec<Vec<&str>> =
        rows.iter().map(|row| row.trim_matches(['[', ']']).split('|').map(str::trim).collect::<Vec<_>>()).collect();
    for (row, line) in cells.iter().enumerate() {
        for (column, text) in line.iter().enumerate() {
            let (top, left) = (row as u32, column as u32);
            if rows[row].starts_with('[') && *text != "~" {
                page.framed.insert((top, left));
            }
            if *text == "=" {
                page.formulas.insert((top, left));
            }
            if matches!(*text, "<" | "^") {
                continue;
            }
            let goes_on = |line: &[&str], at: usize| line.get(at).is_some_and(|text| *text == "<");
            let width = (1..).take_while(|more| goes_on(line, column + more)).count() as u32;
            let is_below = |line: &&Vec<&str>| line.get(column).is_some_and(|text| *text == "^");
            let height = cells[row + 1..].iter().take_while(is_below).count() as u32;
            if width + height > 0 {
                merged.push(Area { top, left, bottom: top + height, right: left + width });
            }
            if !matches!(*text, "" | "~" | "=") {
                page.texts.insert((top, left), text.replace("\\n", "\n"));
            }
        }
    }
    merged.into_iter().for_each(|area| page.merge(area));
    page
}

fn shown(rows: &[&str]) -> String {
    shown_page(&page(rows))
}

fn shown_page(page: &Page) -> String {
    let layout = read(page);
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
fn boxes_for_opinions_are_filled_by_hand_and_head_nothing() {
    insta::assert_snapshot!(shown(&[
        "低保申请审批表|<|<|<",
        "[申请人|姓名||性别]",
        "[反映问题||<|<]",
        "[社区评议意见|负责人签字：      （公章）    年  月  日|<|<]",
        "[街道审核意见|领导签字：          年  月  日|<|<]",
        "[处理结果||<|<]",
    ]));
}

#[test]
fn labels_may_stand_above_their_blanks() {
    insta::assert_snapshot!(shown(&[
        "签约服务登记卡|<|<|<",
        "[姓名|性别|出生日期|身份证号]",
        "[|||]",
        "[联系电话|居住地址|<|所属社区]",
        "[||<|]",
        "[人群分类|□老年人 □孕产妇 □儿童|<|<]",
        "[签约医生||签约日期|]",
    ]));
}

#[test]
fn a_row_of_units_is_no_row_to_be_filled_and_rates_have_units_of_their_own() {
    let list = shown(&[
        "社区经济情况统计表|<|<|<",
        "[社区名称|总户数|总人口|人均收入]",
        "[—|户|人|元]",
        "[（1）|（2）|（3）|（4）]",
        "[|||]",
        "[|||]",
    ]);
    let matrix = shown(&["纠纷化解月报表|<|<", "||单位：件", "[类别|新增|化解率]", "[社区||]", "[网格||]"]);
    insta::assert_snapshot!(format!("{list}\n{matrix}"));
}

#[test]
fn headings_may_count_on_and_names_of_rows_may_begin_with_their_total() {
    let years = shown(&["收入情况表|<|<|<", "[指标|2022|2023|2024]", "[人均收入（元）|||]", "[经营收入（元）|||]"]);
    let days = shown(&["值守表|<|<|<", "[社区|1日|2日|3日]", "[凤亭社区|||]", "[月湖社区|||]"]);
    let total = shown(&["人口统计表|<|<|<", "[指标|<|单位|数量]", "[总人口|<|人|]", "[其中|男|人|]", "[^|女|人|]"]);
    let groups =
        shown(&["情况统计表|<|<", "[类别|指标|人数]", "[残疾人|在册|]", "[|新增|]", "[退役军人|在册|]", "[|新增|]"]);
    insta::assert_snapshot!(format!("{years}\n{days}\n{total}\n{groups}"));
}

#[test]
fn borders_may_go_on_beyond_a_list_and_groups_of_rows_are_not_filled() {
    let wide = shown(&["花名册|<|<|<|<", "[序号|姓名|户别\n1.家庭户 2.集体户||]", "[1||||]", "[2||||]"]);
    let groups = shown(&[
        "基层表|<|<",
        "[指标|计量单位|2023年|2024年]",
        "[一、基本情况|||]",
        "[户数|户||]",
        "[二、服务|||]",
        "[床位|张||]",
    ]);
    insta::assert_snapshot!(format!("{wide}\n{groups}"));
}

#[test]
fn persons_are_no_names_of_rows_whatever_stands_above_them() {
    let text = shown(&["包联情况表|<|<", "[包联人|户数|次数]", "[王小明||]", "[李桂花||]", "[张建国||]"]);
    assert!(!text.contains("王小明") && text.contains("list rows 3-5"), "{text}");
}

#[test]
fn what_stands_twice_beside_or_below_is_told_apart_or_not_asked_for() {
    let beside = shown(&["一览表|<|<|<", "[指标|数量|指标|数量]", "[总户数||党员|]", "[总人口||低保户|]"]);
    let below = shown(&[
        "检查月报表|<|<",
        "一、本月情况|<|<",
        "[行业|检查数|隐患数]",
        "[工业||]",
        "[商贸||]",
        "二、累计情况|<|<",
        "[行业|检查数|隐患数]",
        "[工业||]",
        "[商贸||]",
    ]);
    let foot = shown(&["救助台账|<|<", "[序号|姓名|金额]", "[1||]", "[2||]", "[审核：||填表：]"]);
    insta::assert_snapshot!(format!("{beside}\n{below}\n{foot}"));
}

#[test]
fn what_is_said_above_the_headings_within_the_borders_heads_no_column() {
    insta::assert_snapshot!(shown(&[
        "文明施工检查表|<|<|<",
        "[工程名称：|<|施工单位：|<]",
        "[序号|检查内容|检查情况|存在问题]",
        "[1|围挡是否封闭|□是 □否|]",
        "[2|通道是否畅通|□是 □否|]",
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

#[test]
fn what_is_calculated_is_not_asked_for() {
    let list = shown(&[
        "网格基础信息统计表|<|<|<",
        "[序号|网格|人口（人）|<]",
        "[^|^|合计|流动]",
        "[甲|乙|1=2+3|2]",
        "[合　计|<|=|=]",
        "[1||=|]",
        "[2||=|]",
    ]);
    let matrix = shown(&[
        "情况统计表|<|<|<",
        "[指标|合计|男|女]",
        "[一、人口（人）|<|<|<]",
        "[户籍|=||]",
        "[　其中：60岁以上|=||]",
        "[流动|=||]",
        "[　其中：60岁以上|=||]",
        "[二、房屋（套）|<|<|<]",
        "[出租|3|—|—]",
        "[合计|=|=|=]",
    ]);
    insta::assert_snapshot!(format!("{list}\n{matrix}"));
}

#[test]
fn codes_of_headings_comments_and_notes_are_choices() {
    let mut page = page(&[
        "流动人口信息登记表|<|<|<|<|<",
        "[序号|姓名*|性别（男/女）|居住类型|居住事由|需求（1培训 2就业）（可多选）]",
        "[1|||||]",
        "说明：",
        "一、居住类型：1自有　2租住　3寄居；居住事由见批注。",
        "二、报送频次：每周一报，周五前报送。",
        "咨询电话：15400001234",
    ]);
    page.comments.insert((1, 4), "1.务工；2.经商；3.其他".to_owned());
    insta::assert_snapshot!(shown_page(&page));
}

#[test]
fn names_of_rows_may_have_several_columns() {
    insta::assert_snapshot!(shown(&[
        "统计表|<|<|<|<",
        "[项目|<|单位|2023年|2024年]",
        "[人口|户籍|人||]",
        "[^|流动|人||]",
        "[房屋|出租|套||]",
    ]));
}

#[test]
fn a_name_beside_rows_is_a_heading_of_all_of_them() {
    insta::assert_snapshot!(shown(&[
        "家庭情况登记卡|<|<|<|<",
        "[户主|姓名||电话：|]",
        "[住房|自有面积||租住面积|      平方米]",
        "[^|入住日期|　　年　月　日|<|<]",
        "[家庭成员|姓名|关系|年龄（岁）|手机号]",
        "[^||||]",
        "[^||||]",
        "[困难与诉求|<|<|<|<]",
        "[|<|<|<|<]",
        "[填表人：|<|审核人：|<|]",
    ]));
}

#[test]
fn tables_of_a_sheet_may_have_columns_of_their_own() {
    insta::assert_snapshot!(shown(&[
        "",
        "~|社区情况表|<|<|",
        "[~|社区||网格|]",
        "[~|类别|人数（人）|~|~]",
        "[~|老人||~|~]",
        "[~|儿童||~|~]",
        "",
        "[~|序号|房主|房主|备注]",
        "[~|序号|姓名|电话|备注]",
        "[~|1|||]",
        "",
        "[姓名|电话|~|姓名|电话]",
        "[||~||]",
    ]));
}

/// Whatever was filled in, no heading is made of it.
#[test]
fn filled_cards_and_tables_show_nobody() {
    let filled: [&[&str]; 5] = [
        &["登记表|<", "[姓名|张三]", "[电话|15400000001]", "[住址|]"],
        &["登记表|<|<|<", "[姓名|张三|所属网格|一网格]", "[籍贯|湖南|住址|张三家]", "[家庭人口|3|电话|]"],
        &["登记表|<", "[姓名：张三|性别：男]", "[电话：15400000001|住址：张三家]"],
        &["走访表|<|<", "[张三|男|良好]", "[李四|男|良好]", "[||]"],
        &["名册", "网格员：张三", "网格员|走访（次）|备注", "张三|3|", "李四|2|", "负责人 张三"],
    ];
    let text: String = filled.iter().map(|rows| shown(rows)).collect();
    let said = |line: &&str| line.contains(": ");
    let rest: Vec<&str> = text.lines().filter(|line| !said(line)).collect();
    assert!(!rest.iter().any(|line| line.contains("张三") || line.contains("李四") || line.contains("154")), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn headings_of_several_rows_need_not_be_merged_where_they_say_the_same() {
    insta::assert_snapshot!(shown(&[
        "统计表",
        "街道|社区|人口（人）|人口（人）|人口（人）|备注",
        "街道|社区|合计|其中|其中|备注",
        "街道|社区|合计|户籍|流动|备注",
        "|||||",
        "|||||",
        "填表人：|||联系电话：||",
    ]));
    // Whether a blank belongs to the group on its left is not known over several rows.
    insta::assert_snapshot!(shown(&[
        "统计表",
        "[指标|代码|合计|户籍人口||流动人口|]",
        "[|||小计|其中||备注]",
        "[||||男|女|]",
        "[总人口|01|||||]",
        "[家庭户数|02|||||]",
    ]));
}

/// Somebody put borders around all of the sheet.
#[test]
fn what_stands_around_a_table_may_have_borders() {
    insta::assert_snapshot!(shown(&[
        "[附件1|||]",
        "[门店情况表|<|<|<]",
        "[|||表　号：开市监1表]",
        "[街道：　　社区：||登记时间：　年　月|]",
        "[填报单位（盖章）：|||计量单位：家]",
        "[序号|店名|面积（㎡）|备注]",
        "[1|||]",
        "[合计|<||]",
        "[填表人：||联系电话：|]",
        "[说明：1.报送周期：月报。|<|<|<]",
    ]));
}
