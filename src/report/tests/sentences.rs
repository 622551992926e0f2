//! The sentences of the shipped summaries, each branch over planted figures: rise and fall, level and without a base, full
//! lists and empty ones. A sentence is compared whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::*;
use crate::query::ViewCatalog;

/// Planted rows of the views a report reads; columns that a row does not name are null.
struct Planted {
    rows: FixedFigures,
    catalog: ViewCatalog,
}

impl Planted {
    fn new(report: &Report, tables: &BTreeMap<String, Vec<Map<String, Json>>>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (catalog, problems) = ViewCatalog::load(&root.join("queries"), &BTreeSet::new());
        assert!(problems.is_empty(), "{problems:?}");
        let views: BTreeSet<&str> = report.views().into_iter().collect();
        for name in tables.keys() {
            assert!(views.contains(name.as_str()), "`{}` does not read `{name}`", report.name);
        }
        let empty = Vec::new();
        let batches: Vec<(&str, RecordBatch)> = views
            .into_iter()
            .map(|view| {
                let columns = &catalog.get(view).unwrap().model.columns;
                let rows = tables.get(view).unwrap_or(&empty);
                for name in rows.iter().flat_map(Map::keys) {
                    assert!(columns.iter().any(|column| column.name == *name), "`{view}` has no column `{name}`");
                }
                let arrays = columns.iter().map(|column| (column.name.as_str(), array_of(rows, &column.name)));
                (view, batch(arrays.collect()))
            })
            .collect();
        Self { rows: FixedFigures::new(&batches), catalog }
    }
}

/// The values of a column, in the type of the first that is there.
fn array_of(rows: &[Map<String, Json>], column: &str) -> ArrayRef {
    let values = || rows.iter().map(|row| row.get(column).unwrap_or(&Json::Null));
    match values().find(|value| !value.is_null()) {
        Some(Json::Bool(_)) => Arc::new(values().map(Json::as_bool).collect::<BooleanArray>()),
        Some(Json::Number(number)) if number.is_i64() => Arc::new(values().map(Json::as_i64).collect::<Int64Array>()),
        Some(Json::Number(_)) => Arc::new(values().map(Json::as_f64).collect::<Float64Array>()),
        None if column.starts_with("is_") => Arc::new(values().map(Json::as_bool).collect::<BooleanArray>()),
        _ => Arc::new(values().map(Json::as_str).collect::<StringArray>()),
    }
}

#[async_trait]
impl Figures for Planted {
    async fn fetch(&self, sql: &str) -> Result<Vec<RecordBatch>, Problem> {
        self.rows.fetch(sql).await
    }

    async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        self.rows.stream(sql).await
    }

    async fn stream_in_any_order(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        self.rows.stream_in_any_order(sql).await
    }

    fn labels(&self, view: &str) -> Option<ViewMeta> {
        let model = &self.catalog.get(view)?.model;
        let columns = model.columns.iter().map(|column| ColumnMeta {
            name: column.name.clone(),
            label: column.label.clone(),
            unit: column.unit.clone(),
            definition: column.description.clone(),
            ..ColumnMeta::default()
        });
        Some(ViewMeta { label: model.label.clone(), columns: columns.collect(), ..ViewMeta::default() })
    }
}

/// The Markdown of a shipped report over planted rows, `view: rows` in YAML, later ones in the place of earlier ones.
async fn made(name: &str, file: &str, planted: &[&str]) -> Result<String, Problem> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (reports, problems) = load(&root.join("report-templates"));
    assert_eq!(problems, []);
    let report = reports.into_iter().find(|report| report.name == name).unwrap();
    let mut tables = BTreeMap::new();
    for text in planted {
        tables.extend(serde_saphyr::from_str::<BTreeMap<String, Vec<Map<String, Json>>>>(text).unwrap());
    }
    let out = tempfile::tempdir().unwrap();
    render(&report, &Planted::new(&report, &tables), &context(), out.path()).await?;
    Ok(fs::read_to_string(out.path().join(file)).unwrap())
}

#[track_caller]
fn says(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.lines().any(|line| line == *sentence), "`{sentence}` is no line of\n{text}");
    }
}

const QUIET: &str = "
threshold_in_force: [{contribution_named_count: 3, due_soon_days: 3, unusual_probability_max: 0.001, gap_window_days: 60}]
whistle_period_headline:
  - {period_kind: month, level: 合计, period: 2024年6月1日至27日, previous_label: 2024年5月1日至27日, last_year_label: 2023年6月1日至27日, reported_count: 0, due_count: 0, due_on_time_count: 0, due_late_count: 0, open_count: 0, open_overdue_count: 0}
visit_period_headline: [{period_kind: month, visit_count: 0, issue_count: 0}]
whistle_due_soon: [{row_level: total, department: 合计, due_count: 0, due_next_day_count: 0}]
district_headline: [{duplicate_person_count: 0}]
data_quality_by_unit: [{row_level: district, table_name: 合计, quarantined_count: 0, stale_count: 0}]
";

const BUSY: &str = "
whistle_period_headline:
  - {period_kind: month, level: 合计, period: 2024年6月1日至27日, previous_label: 2024年5月1日至27日, last_year_label: 2023年6月1日至27日, reported_count: 14, reported_period_on_period_rate: 0.4, reported_year_on_year_rate: -0.125, due_count: 10, due_on_time_count: 8, due_late_count: 2, on_time_rate: 0.8, on_time_period_on_period_points: -12.345, on_time_year_on_year_points: 5.0, open_count: 9, open_overdue_count: 2}
  - {period_kind: week, level: 合计, reported_count: 999}
visit_period_headline:
  - {period_kind: month, visit_count: 120, visit_period_on_period_rate: 0.2, visit_year_on_year_rate: -0.0004, issue_count: 7, issue_period_on_period_rate: -0.3}
change_contribution_top:
  - {period_kind: month, indicator: whistle_reported, dimension: category, contribution_order: 1, member_name: 噪声扰民, member_code: 噪声扰民, contribution: 6.0, total_change: 4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: category, contribution_order: 1000000, member_name: 其余合计, contribution: -2.0, total_change: 4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: subdistrict, contribution_order: 1, member_name: 湘雅路街道, member_code: S1, contribution: 4.0, total_change: 4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: subdistrict, contribution_order: 1000000, member_name: 其余合计, contribution: 0.0, total_change: 4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: community, contribution_order: 1, member_name: '[甲](http://x)社区', member_code: C1, contribution: 4.0, total_change: 4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: grid, contribution_order: 1, member_name: 甲社区第1网格, member_code: G1, contribution: 4.0, total_change: 4.0}
  - {period_kind: month, indicator: on_time_rate, dimension: department, contribution_order: 1, member_name: 城管执法大队, member_code: 城管执法大队, contribution: -13.0, total_change: -12.35}
  - {period_kind: month, indicator: on_time_rate, dimension: department, contribution_order: 1000000, member_name: 其余合计, contribution: 0.65, total_change: -12.35}
  - {period_kind: month, indicator: whistle_late, dimension: department, contribution_order: 1, member_name: 城管执法大队, member_code: 城管执法大队, contribution: 1.0, total_change: 1.0}
  - {period_kind: month, indicator: whistle_late, dimension: category, contribution_order: 1, member_name: 占道经营, member_code: 占道经营, contribution: 1.0, total_change: 1.0}
  - {period_kind: month, indicator: visit, dimension: subdistrict, contribution_order: 1, member_name: 四方坪街道, member_code: S2, contribution: 20.0, total_change: 20.0}
  - {period_kind: month, indicator: visit, dimension: community, contribution_order: 1, member_name: 金帆社区, member_code: C2, contribution: 20.0, total_change: 20.0}
  - {period_kind: week, indicator: visit, dimension: community, contribution_order: 1, member_name: 别的时期, member_code: C3, contribution: 1.0, total_change: 1.0}
grid_anomaly:
  - {grid_code: G1, indicator: whistle_rate, is_anomaly: true, severity: 4.0, subdistrict_name: 青竹湖街道, grid_name: 甲社区第1网格, numerator: 84, measure: 75.134168, subdistrict_measure: 10.896887}
  - {grid_code: G2, indicator: whistle_week, is_anomaly: true, severity: 5.0, subdistrict_name: 青竹湖街道, grid_name: 甲社区第2网格, numerator: 6, measure: 6.0, mean_measure: 0.5}
  - {grid_code: G3, indicator: visit_coverage, is_anomaly: true, severity: 9.0, subdistrict_name: 月湖街道, grid_name: 乙社区第3网格, numerator: 8, denominator: 678, measure: 0.0118, subdistrict_measure: 0.1111}
  - {grid_code: G4, indicator: whistle_rate, is_anomaly: false, severity: 1.0, subdistrict_name: 月湖街道, grid_name: 不异常的网格}
whistle_due_soon:
  - {row_level: total, department: 合计, due_count: 5, due_next_day_count: 1}
  - {row_level: unit, department: 公安分局, due_count: 3}
  - {row_level: unit, department: 市政维护中心, due_count: 2}
visit_gap_by_place:
  - {place_level: community, place_code: C1, is_gap: true, fall_probability: 0.01, subdistrict_name: 湘雅路街道, place_name: 文昌阁社区, seen_before: 41, coverage_before: 0.1046, seen_now: 28, coverage_now: 0.0714, whistle_count_before: 5, whistle_count_now: 11}
duplicate_registration_by_community:
  - {community_code: C1, subdistrict_name: 捞刀河街道, community_name: 金竹河社区, duplicate_person_count: 3}
  - {community_code: C2, subdistrict_name: 捞刀河街道, community_name: 没有重复的社区, duplicate_person_count: 0}
district_headline: [{duplicate_person_count: 2}]
data_quality_by_unit:
  - {row_level: district, table_name: 合计, quarantined_count: 4, quarantine_rate: 0.0123, stale_count: 5, stale_rate: 0.01, score: 96.5}
  - {row_level: unit, table_name: 合计, subdistrict_code: S1, subdistrict_name: 沙坪街道, delivered_count: 9, score: 94.891}
  - {row_level: unit, table_name: 合计, subdistrict_code: S2, subdistrict_name: 未报街道, delivered_count: 0}
delivery_by_community:
  - {community_code: C1, community_name: 甲社区, is_unreported: true, is_visit_unreported: false}
  - {community_code: C2, community_name: 乙社区, is_unreported: false, is_visit_unreported: true}
  - {community_code: C3, community_name: 丙社区, is_unreported: false, is_visit_unreported: false}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_brief_says_what_rose_and_fell_and_who_made_it() {
    let text = made("decision_brief", "决策参考.md", &[QUIET, BUSY]).await.unwrap();
    says(
        &text,
        &[
            "- 上报吹哨：**14**件（环比上升40.0%）",
            "- 按期办结率：**80.00%**（环比下降12.35个百分点）",
            "- 3天内到期：**5**件（次日1件）",
            "2024年6月1日至27日，环比与2024年5月1日至27日比，同比与2023年6月1日至27日比。",
            "上报吹哨14件，环比上升40.0%，同比下降12.5%。与上期相比增加4件：按类别，噪声扰民增加6件、其余合计减少2件；\
             按街道，湘雅路街道增加4件、其余合计持平；按社区，\\[甲\\](http\\://x)社区增加4件；按网格，甲社区第1网格增加4件。",
            "应办结10件，按期办结8件，按期办结率（按期办结÷应办结）80.00%，环比下降12.35个百分点，同比上升5.00个百分点。\
             环比变化按主办单位分解：城管执法大队拉低13.00个百分点、其余合计拉高0.65个百分点。",
            "应办结中超期2件，比上期增加1件：按主办单位，城管执法大队增加1件；按类别，占道经营增加1件。",
            "走访120次，环比上升20.0%，与上年同期基本持平；发现问题7件，环比下降30.0%。与上期相比增加20次：按街道，\
             四方坪街道增加20次；按社区，金帆社区增加20次。",
            "吹哨多于所在街道其他网格或本网格前12周，偶然出现的概率不超过0.1%的有2项：",
            "- 青竹湖街道甲社区第2网格：上一整周吹哨6件，前12周平均每周0.5件。",
            "- 青竹湖街道甲社区第1网格：今年吹哨84件，每千人75.1件，所在街道每千人10.9件。",
            "走访覆盖少于所在街道其他网格，偶然出现的概率不超过0.1%的有1个网格：",
            "- 月湖街道乙社区第3网格：应走访678个对象，近180天走访8个，覆盖率1.2%，所在街道11.1%。",
            "今后3天内到期5件，其中次日到期1件。按主办单位：公安分局3件、市政维护中心2件。在办哨件中已超期2件。",
            "近60天与前60天相比，走访减少而吹哨增加的有1处：",
            "- 湘雅路街道文昌阁社区：走访对象由41个（覆盖率10.5%）降至28个（7.1%），吹哨由5件增至11件。",
            "- 跨社区重复登记2人，较多的社区：捞刀河街道金竹河社区3人。",
            "- 退回尚未改正4条，退回率1.23%；一年以上未更新5条，陈旧率1.00%。数据质量得分较低的报送单位：沙坪街道94.89分\
             （全区96.50分）。",
            "- 未报的报送单位1个：未报街道。",
            "- 未报的社区1个：甲社区。其数字为未报，不是0。",
            "- 近30天未报走访的社区1个：乙社区。",
            "- 督办：在办超期2件逐件定责限办，3天内到期5件提前提醒，重点是公安分局、市政维护中心。",
            "- 补访：走访覆盖偏少的1个网格、走访跟不上吹哨的1处，由所在街道安排补访。",
            "- 核数：重复登记2人由所在社区核对去重，未报的1个报送单位、未报的1个社区补报。",
        ],
    );
    for other in ["999", "别的时期", "不异常的网格", "没有重复的社区", "丙社区"] {
        assert!(!text.contains(other), "{other}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_brief_says_nothing_that_no_figure_stands_behind() {
    let text = made("decision_brief", "决策参考.md", &[QUIET]).await.unwrap();
    says(
        &text,
        &[
            "上报吹哨0件，环比—，同比—。",
            "应办结0件，按期办结0件，按期办结率（按期办结÷应办结）—，环比—，同比—。",
            "应办结中超期0件。",
            "走访0次，环比—，同比—；发现问题0件，环比—。",
            "没有网格的吹哨明显多于所在街道其他网格或本网格前12周。",
            "没有网格的走访覆盖明显少于所在街道其他网格。",
            "今后3天内没有到期的哨件。",
            "近60天与前60天相比，没有走访明显减少而吹哨明显增加的社区和网格。",
            "- 跨社区重复登记0人。",
            "- 退回尚未改正0条，退回率—；一年以上未更新0条，陈旧率—。",
        ],
    );
    for absent in ["建议", "督办", "与上期相比", "按主办单位分解", "已超期", "未报", "得分较低"]
    {
        assert!(!text.contains(absent), "{absent}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_brief_words_a_fall_and_a_standstill() {
    let fallen = "
whistle_period_headline:
  - {period_kind: month, level: 合计, period: 2024年6月, previous_label: 2024年5月, last_year_label: 2023年6月, reported_count: 6, reported_period_on_period_rate: -0.4, reported_year_on_year_rate: 0.0, due_count: 5, due_on_time_count: 5, due_late_count: 0, on_time_rate: 1.0, on_time_period_on_period_points: 0.0, open_count: 1, open_overdue_count: 0}
change_contribution_top:
  - {period_kind: month, indicator: whistle_reported, dimension: category, contribution_order: 1, member_name: 噪声扰民, member_code: 噪声扰民, contribution: -4.0, total_change: -4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: subdistrict, contribution_order: 1, member_name: 湘雅路街道, member_code: S1, contribution: -4.0, total_change: -4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: community, contribution_order: 1, member_name: 甲社区, member_code: C1, contribution: -4.0, total_change: -4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: grid, contribution_order: 1, member_name: 甲社区第1网格, member_code: G1, contribution: -3.0, total_change: -4.0}
  - {period_kind: month, indicator: whistle_reported, dimension: grid, contribution_order: 1000000, member_name: 其余合计, contribution: -1.0, total_change: -4.0}
  - {period_kind: month, indicator: whistle_late, dimension: department, contribution_order: 1, member_name: 公安分局, member_code: 公安分局, contribution: -2.0, total_change: -2.0}
  - {period_kind: month, indicator: whistle_late, dimension: category, contribution_order: 1, member_name: 其他, member_code: 其他, contribution: -2.0, total_change: -2.0}
whistle_due_soon:
  - {row_level: total, department: 合计, due_count: 9, due_next_day_count: 0}
  - {row_level: unit, department: 甲局, due_count: 4}
  - {row_level: unit, department: 乙局, due_count: 1}
  - {row_level: unit, department: 丙局, due_count: 1}
  - {row_level: unit, department: 丁局, due_count: 1}
  - {row_level: unit, department: 戊局, due_count: 1}
  - {row_level: unit, department: 己局, due_count: 1}
";
    let text = made("decision_brief", "决策参考.md", &[QUIET, fallen]).await.unwrap();
    says(
        &text,
        &[
            "上报吹哨6件，环比下降40.0%，与上年同期持平。与上期相比减少4件：按类别，噪声扰民减少4件；按街道，湘雅路街道减少4件；\
             按社区，甲社区减少4件；按网格，甲社区第1网格减少3件、其余合计减少1件。",
            "应办结5件，按期办结5件，按期办结率（按期办结÷应办结）100.00%，与上期持平，同比—。",
            "应办结中超期0件，比上期减少2件：按主办单位，公安分局减少2件；按类别，其他减少2件。",
            "今后3天内到期9件，其中次日到期0件。按主办单位：甲局4件、丁局1件、丙局1件、乙局1件、己局1件等6个单位。",
            "- 督办：3天内到期9件提前提醒，重点是甲局、丁局、丙局等。",
        ],
    );
    assert!(!text.contains("补访") && !text.contains("核数") && !text.contains("已超期"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_brief_that_grows_too_long_is_not_made() {
    let many = |count: usize| {
        let rows: String = (0..count)
            .map(|at| format!("  - {{community_code: C{at:04}, subdistrict_name: 捞刀河街道, community_name: {}, duplicate_person_count: 3}}\n", "很长的名字".repeat(300)))
            .collect();
        format!("duplicate_registration_by_community:\n{rows}")
    };
    let problem = made("decision_brief", "决策参考.md", &[QUIET, &many(3)]).await.unwrap_err();
    let said = problem.to_string();
    assert!(said.contains("decision_brief/report.yml:") && problem.line > 50, "{said}");
    assert!(said.contains("`summary.md.j2` makes 5") && said.contains("`characters_max` is 4000"), "{said}");
    assert!(said.contains("`五、存疑数据` alone has 4"), "{said}");
    assert!(made("decision_brief", "决策参考.md", &[QUIET, &many(2)]).await.is_ok());
}

const BULLETIN: &str = "
threshold_in_force: [{rank_due_count_min: 5}]
whistle_period_headline:
  - {period_kind: month, period_sort: 3, period_name: 月, level: 合计, period: 2024年6月1日至27日, previous_label: 2024年5月1日至27日, last_year_label: 2023年6月1日至27日, is_complete: false, start_date: 2024-06-01, reported_count: 14, reported_period_on_period_rate: 0.4, reported_year_on_year_rate: -0.125, closed_count: 9, closed_period_on_period_rate: 0.0, open_count: 9, open_not_due_count: 6, open_overdue_count: 2, suspended_count: 1, due_count: 10, due_on_time_count: 8, due_closed_count: 9, on_time_rate: 0.8, on_time_period_on_period_points: -12.345, closing_rate_a: 0.6429, closing_rate_b: 0.9, reported_closed_count: 9, rated_count: 0, satisfied_count: 0}
  - {period_kind: month, period_sort: 3, period_name: 月, level: 日常哨, level_sort: 1, reported_count: 12}
  - {period_kind: month, period_sort: 3, period_name: 月, level: 区级哨, level_sort: 2, reported_count: 2}
  - {period_kind: half_year, period_sort: 5, period_name: 半年, level: 合计, period: 2024年1—6月累计, previous_label: 2023年7—12月累计, last_year_label: 2023年1—6月累计, is_complete: true, start_date: 2024-01-01, reported_count: 0, closed_count: 0, open_count: 0, open_not_due_count: 0, open_overdue_count: 0, suspended_count: 0, due_count: 0, due_on_time_count: 0, due_closed_count: 0, reported_closed_count: 0, rated_count: 0, satisfied_count: 0}
  - {period_kind: half_year, period_sort: 5, period_name: 半年, level: 日常哨, level_sort: 1, reported_count: 0}
  - {period_kind: half_year, period_sort: 5, period_name: 半年, level: 区级哨, level_sort: 2, reported_count: 0}
  - {period_kind: year, period_sort: 6, period_name: 年, level: 合计, period: 2024年1月1日至6月27日累计, start_date: 2024-01-01, reported_count: 100, reported_year_on_year_rate: 0.25, closed_count: 90, closed_year_on_year_rate: 0.2, due_count: 80, due_on_time_count: 76, on_time_rate: 0.95, on_time_year_on_year_points: 0.5}
whistle_by_department_period:
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 甲局, department_code: B1, task_count: 9, due_count: 7, due_late_count: 0, response_late_count: 0, unsatisfied_count: 0, score: 100.0, is_ranked: true, rank_in_kind: 1, is_bottom: false, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 乙局, department_code: B2, task_count: 8, due_count: 7, due_late_count: 1, response_due_count: 7, response_late_count: 0, unsatisfied_count: 0, score: 90.0, is_ranked: true, rank_in_kind: 2, is_bottom: false, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 丙局, department_code: B3, task_count: 8, due_count: 7, due_late_count: 0, response_due_count: 7, response_late_count: 1, unsatisfied_count: 0, score: 90.0, is_ranked: true, rank_in_kind: 2, is_bottom: true, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 丁局, department_code: B4, task_count: 12, due_count: 7, due_late_count: 2, response_due_count: 6, response_late_count: 1, rated_count: 4, unsatisfied_count: 3, score: 50.5, is_ranked: true, rank_in_kind: 4, is_bottom: true, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 戊局, department_code: B5, task_count: 2, due_count: 2, due_late_count: 1, score: 0.0, is_ranked: false, is_bottom: false, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 部门, kind_sort: 1, department: 己局, department_code: B6, task_count: 0, due_count: 0, is_ranked: false, is_bottom: false, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: unit, kind: 街道, kind_sort: 2, department: 庚街道, department_code: J1, task_count: 0, due_count: 0, is_ranked: false, is_bottom: false, identity_gap: 0}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: kind, kind: 部门, kind_sort: 1, department: 合计, opening_count: 3, new_count: 40, transferred_count: 2, closed_count: 30, returned_count: 1, open_count: 12}
  - {period_kind: month, period_name: 月, period: 六月, period_window: current, row_level: district, department: 合计, due_count: 30, due_late_count: 4, due_late_closed_count: 1, due_late_open_count: 3, opening_count: 3, new_count: 40, transferred_count: 2, closed_count: 30, returned_count: 1, open_count: 12}
  - {period_kind: half_year, period_name: 半年, period: 半年, period_window: current, row_level: district, department: 合计, due_count: 0, due_late_count: 0, due_late_closed_count: 0, due_late_open_count: 0, opening_count: 0, new_count: 0, transferred_count: 0, closed_count: 0, returned_count: 0, open_count: 0}
  - {period_kind: month, period_name: 月, period_window: previous, row_level: unit, kind: 部门, department: 上期不该出现}
whistle_late_by_period:
  - {period_kind: month, period_name: 月, whistle_id: W000000001, task_id: T1, level: 日常哨, category: 占道经营, department: 丁局, due_at: '2024-06-07 08:00:00', late_state: 超期未办结, days_late: 20, late_order: 1}
  - {period_kind: month, period_name: 月, whistle_id: W000000002, task_id: T2, level: 区级哨, category: '噪声|扰民', department: 丁局, due_at: '2024-06-08 08:00:00', late_state: 超期办结, days_late: 0, late_order: 2}
  - {period_kind: month, period_name: 月, whistle_id: W000000003, task_id: T3, level: 区级哨, category: 其他, department: 丁局, due_at: '2024-06-08 08:00:00', late_state: 超期办结, days_late: 0, late_order: 21}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bulletin_ranks_names_and_balances() {
    let text = made("whistle_bulletin", "吹哨办理通报/月通报.md", &[BULLETIN]).await.unwrap();
    says(
        &text,
        &[
            "# 关于2024年6月1日至27日吹哨办理情况的通报",
            "现将2024年6月1日至27日全区吹哨办理情况通报如下。数据截至2024年6月27日。",
            "2024年6月1日至27日，全区上报吹哨14件，环比上升40.0%，同比下降12.5%，其中日常哨12件、区级哨2件；办结9件，与上期持平，\
             同比—。期末在办9件，其中未到期6件、超期2件、挂账1件。",
            "应办结10件，按期办结8件，按期办结率（按期办结÷应办结）80.00%，环比下降12.35个百分点，同比—。本期上报的已办结9件，\
             办结率（办结÷上报）64.29%；应办结的已办结9件，办结率（办结÷应办结）90.00%。有效评价0件，满意0件，满意率—，环比—。",
            "2024年1月1日至6月27日累计：上报吹哨100件，同比上升25.0%；办结90件，同比上升20.0%；应办结80件，按期办结76件，\
             按期办结率95.00%，同比上升0.50个百分点。",
            "| 甲局 | 9 | 100.00 | 1 | 丁局 | 12 | 50.50 | 4 |",
            "| 乙局 | 8 | 90.00 | 2 | 戊局 | 2 | 0.00 | — |",
            "| 丙局 | 8 | 90.00 | 2 |  |  |  |  |",
            "得分靠后的2个单位：丁局（第4位，50.50分），应办结7件次中2件次超期、应响应6件次中1件次超时响应、有效评价4件中3件不满意；\
             丙局（第2位，90.00分），应响应7件次中1件次超时响应。",
            "应办结不足5件次、不参加排名的1个单位：戊局（应办结2件次）。",
            "本期没有任务、不参加排名的1个单位：己局。",
            "本期没有任务、不参加排名的1个单位：庚街道。",
            "各单位应办结30件次，超期4件次，其中超期办结1件次、超期未办结3件次。超期天数较长的2件次如下，全部4件次见附件2。",
            "| W000000001 | 日常哨 | 占道经营 | 丁局 | 2024年6月7日 | 超期未办结 | 20 |",
            r"| W000000002 | 区级哨 | 噪声\|扰民 | 丁局 | 2024年6月8日 | 超期办结 | 不足1 |",
            "期初在办与本期新增之和，等于本期办结、退回与期末在办之和。逐单位核对，差额均为0。分单位数据见附件1。",
            "| 部门 | 3 | 40 | 2 | 30 | 1 | 12 |",
            "| 全区合计 | 3 | 40 | 2 | 30 | 1 | 12 |",
            "1. 统计时期：2024年6月1日至27日。环比与2024年5月1日至27日比，同比与2023年6月1日至27日比，天数相同，均按截至2024年6月27日的记录统计；\
             没有可比数据的以“—”表示。比较期是已结账的月份的，按结账数比较；半年、全年累计按今天的记录统计，含修订。",
        ],
    );
    for other in ["上期不该出现", "W000000003", "街道得分排名"] {
        assert!(!text.contains(other), "{other}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bulletin_of_a_period_without_cases() {
    let text = made("whistle_bulletin", "吹哨办理通报/半年通报.md", &[BULLETIN]).await.unwrap();
    says(
        &text,
        &[
            "2024年1—6月累计，全区上报吹哨0件，环比—，同比—，其中日常哨0件、区级哨0件；办结0件，环比—，同比—。期末在办0件，其中未到期0件、超期0件、挂账0件。",
            "各单位应办结0件次，没有超期。",
            "| 全区合计 | 0 | 0 | 0 | 0 | 0 | 0 |",
            "1. 统计时期：2024年1—6月累计。环比与2023年7—12月累计比，同比与2023年1—6月累计比，均按截至2024年6月27日的记录统计；\
             没有可比数据的以“—”表示。比较期是已结账的月份的，按结账数比较；半年、全年累计按今天的记录统计，含修订。",
        ],
    );
    // The year to date is the half-year itself and not said twice.
    for absent in ["上报吹哨100件", "得分靠后", "不参加排名", "附件2。"] {
        assert!(!text.contains(absent), "{absent}\n{text}");
    }
}
