//! Every kind over data that is few, many, missing, negative, huge or hostile.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;

use super::pen::text_width;
use super::*;
use crate::report::summary::Block;
use crate::report::template::{self, Blocks};

/// The chart that a template's call makes of `rows`: label, then figures `a`, `b`, ….
fn charted(call: &str, rows: &[(&str, &[Option<f64>])]) -> Result<Chart, String> {
    // A place to each row: ten to a line, three to a group.
    let tiles: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(place, (label, _))| {
            Value::from_pairs([
                ("place_code", Value::from(format!("{place:04}"))),
                ("place_name", Value::from(*label)),
                ("group_name", Value::from(format!("第{}街道", place / 3))),
                ("tile_row", Value::from(place / 10 + 1)),
                ("tile_column", Value::from(place % 10 + 3)),
            ])
        })
        .collect();
    let rows: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(place, (label, figures))| {
            let figures = figures.iter().enumerate().map(|(number, figure)| {
                let name = char::from(b'a' + u8::try_from(number).unwrap_or(0)).to_string();
                (name, figure.map_or(Value::from(()), Value::from))
            });
            let named = [
                ("name".to_owned(), Value::from(*label)),
                ("half".to_owned(), Value::from(if place % 2 == 0 { "上半" } else { "下半" })),
                ("place_code".to_owned(), Value::from(format!("{place:04}"))),
            ];
            Value::from_pairs(named.into_iter().chain(figures))
        })
        .collect();
    let blocks = Blocks::default();
    let environment = template::environment(&blocks);
    let result =
        environment.render_str(&format!("{{{{ {call} }}}}"), Value::from_pairs([("rows", rows), ("tiles", tiles)]));
    result.map_err(|error| error.to_string())?;
    let made = std::mem::take(&mut *blocks.lock().map_err(|error| error.to_string())?);
    match made.into_iter().next() {
        Some(Block::Chart(chart)) => Ok(chart),
        other => Err(format!("no chart: {other:?}")),
    }
}

/// Texts of a picture with the box each takes: left, top, right, bottom.
fn texts(svg: &str) -> Vec<(String, [f64; 4])> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
        Some(value.to_owned())
    };
    let position = |tag: &str, name: &str| attribute(tag, name).and_then(|text| text.parse::<f64>().ok());
    svg.split("<text")
        .skip(1)
        .filter_map(|rest| {
            let (tag, after) = rest.split_once('>')?;
            let text = after
                .split('<')
                .next()?
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
            let size = position(tag, "font-size").unwrap_or(pen::FONT);
            let (x, baseline) = (position(tag, "x")?, position(tag, "y")?);
            let width = text_width(&text, size);
            let left = match attribute(tag, "text-anchor").as_deref() {
                Some("middle") => x - width / 2.0,
                Some("end") => x - width,
                _ => x,
            };
            Some((text, [left, baseline - size * 0.8, left + width, baseline + size * 0.1]))
        })
        .collect()
}

/// Calls of every kind with the figures each row needs.
const CALLS: &[(&str, usize)] = &[
    ("bar_chart(rows, label='name', values=['a'], title='题', unit='件')", 1),
    ("bar_chart(rows, label='name', values=['a', 'b'], names=['今年', '上年'], title='题', format='decimal 1')", 2),
    ("line_chart(rows, label='name', values=['a'], title='题', unit='件', last_year='b')", 2),
    ("line_chart(rows, label='name', values=['a', 'b', 'c'], title='题', format='percent 2')", 3),
    ("stacked_chart(rows, label='name', values=['a', 'b', 'c'], names=['按期办结的', '超期', '在办'], title='题')", 3),
    ("pareto_chart(rows, label='name', values=['a'], title='题', unit='件')", 1),
    ("heat_table(rows, label='name', values=['a', 'b', 'c', 'd', 'e'], title='题')", 5),
    (
        "heat_table(rows, label='name', values=['a', 'b'], names=['件数', '办结率'], formats=['integer', 'percent 1'], title='题')",
        2,
    ),
    ("heat_table(rows, label='name', column='half', value='a', title='题')", 1),
    ("tile_map(rows, tiles=tiles, value='a', title='题', unit='件')", 1),
];

/// Data of all sorts: one row's label and figure by place.
fn hard_data() -> Vec<(&'static str, Vec<(String, f64)>)> {
    let many = |count: usize, figure: fn(usize) -> f64| {
        (0..count).map(|place| (format!("第{place}社区"), figure(place))).collect::<Vec<_>>()
    };
    vec![
        ("none", Vec::new()),
        ("one", vec![("东华社区".into(), 11_134.0)]),
        ("all zero", many(4, |_| 0.0)),
        ("negative", many(5, |place| place as f64 * 10.0 - 25.0)),
        ("all negative", many(3, |place| -1.0 - place as f64)),
        ("huge", many(12, |place| 10_f64.powi(i32::try_from(place).unwrap_or(0) + 3) - 1.0)),
        ("every community", many(115, |place| (place * 37 % 101) as f64)),
        ("as many as there may be", many(150, |place| place as f64)),
        (
            "long and hostile names",
            vec![
                ("长沙市开福区网格化综合服务中心应急管理与安全生产监督管理联合办公室".into(), 3.0),
                ("<script>alert(1)</script>&\u{1}\"'\n]]>".into(), 2.0),
                (String::new(), 1.0),
                ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".into(), 9.0),
            ],
        ),
    ]
}

/// Each call over each sort of data, every seventh figure missing.
fn every_chart() -> Vec<(String, Chart)> {
    let mut charts = Vec::new();
    for (call, columns) in CALLS {
        for (sort, data) in hard_data() {
            let rows: Vec<(&str, Vec<Option<f64>>)> = data
                .iter()
                .enumerate()
                .map(|(place, (label, figure))| {
                    let figures = (0..*columns).map(|column| {
                        let is_missing = data.len() > 1 && (place * columns + column) % 7 == 3;
                        (!is_missing).then_some(figure * (1.0 + column as f64 / 4.0))
                    });
                    (label.as_str(), figures.collect())
                })
                .collect();
            let rows: Vec<(&str, &[Option<f64>])> =
                rows.iter().map(|(label, figures)| (*label, figures.as_slice())).collect();
            // Parts of a whole are not negative.
            if sort.contains("negative") && (call.starts_with("stacked") || call.starts_with("pareto")) {
                continue;
            }
            let chart = charted(call, &rows).unwrap_or_else(|error| panic!("{sort}: {call}: {error}"));
            charts.push((format!("{sort}: {call}"), chart));
        }
    }
    charts
}

const ROOMS: [Room; 3] = [Room::WIDE, Room::HALF, Room { width: 590.0, height: 800.0 }];

#[test]
fn texts_stay_in_the_picture_and_off_each_other() {
    for (name, chart) in every_chart() {
        for room in ROOMS {
            let drawing = draw(&chart, room, "c");
            assert!(drawing.height <= room.height && drawing.width <= room.width + 0.1, "{name}");
            let shrink = drawing.svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split(' ').next());
            let right = shrink.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
            for spot in &drawing.spots {
                assert!(spot.left >= 0.0 && spot.left + spot.width <= 1.001, "{name}: {spot:?}");
                assert!(spot.top >= -0.001 && spot.top + spot.height <= 1.001, "{name}: {spot:?}");
                assert!(spot.width * drawing.width >= 24.0 && spot.height * drawing.height >= 24.0, "{name}: {spot:?}");
            }
            let texts = texts(&drawing.svg);
            for (number, (text, own)) in texts.iter().enumerate() {
                assert!(
                    own[0] >= -0.5 && own[2] <= right + 0.5,
                    "{name} at {}: `{text}` leaves at {own:?}",
                    room.width
                );
                for (other, theirs) in &texts[..number] {
                    let apart = own[2] <= theirs[0] + 0.5
                        || theirs[2] <= own[0] + 0.5
                        || own[3] <= theirs[1]
                        || theirs[3] <= own[1];
                    assert!(apart, "{name} at {}: `{text}` lies on `{other}`", room.width);
                }
            }
        }
    }
}

#[test]
fn every_kind_is_tested_and_listed_once() {
    for kind in CHART_KINDS {
        assert!(CALLS.iter().any(|(call, _)| call.starts_with(&format!("{}(", kind.function))), "{}", kind.function);
        assert_eq!(CHART_KINDS.iter().filter(|other| other.function == kind.function).count(), 1);
    }
}

#[test]
fn hostile_text_stays_text() {
    for (name, chart) in every_chart() {
        let svg = draw(&chart, Room::WIDE, "c").svg;
        assert!(!svg.contains("<script") && !svg.contains('\u{1}'), "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}: {svg}");
        assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count(), "{name}");
    }
}

#[test]
fn a_missing_figure_is_not_zero() {
    let rows: &[(&str, &[Option<f64>])] =
        &[("1月", &[Some(10.0), Some(8.0)]), ("2月", &[None, Some(0.0)]), ("3月", &[Some(30.0), None])];
    let bars = charted("bar_chart(rows, label='name', values=['a'], title='吹哨 <月>', unit='件')", rows).unwrap();
    let svg = draw(&bars, Room::WIDE, "c").svg;
    assert!(svg.contains("吹哨 &lt;月&gt;") && svg.contains("<title>2月 a：—</title>"), "{svg}");
    assert_eq!(svg.matches("<rect").count(), 2);
    assert_eq!(bars.alt_text(), "柱状图：吹哨 <月>，单位：件。1月10、2月—、3月30。");

    let call = "line_chart(rows, label='name', values=['a'], names=['今年'], title='吹哨', unit='件', last_year='b')";
    let lines = charted(call, rows).unwrap();
    let svg = draw(&lines, Room::WIDE, "c").svg;
    let paths: Vec<&str> = svg.split("<path d=\"").skip(1).filter(|path| path.contains("stroke-width=\"2\"")).collect();
    assert_eq!(paths.len(), 4, "two lines and their two samples");
    let (last, this) = (paths[0], paths[1]);
    assert!(last.contains("stroke-dasharray") && !this.contains("stroke-dasharray"));
    let steps = this.split('"').next().unwrap_or_default();
    assert_eq!((steps.matches('M').count(), steps.matches('L').count()), (2, 0), "a missing point breaks the line");
    assert_eq!(lines.table().head, ["项目", "今年", "上年同期"]);
    assert_eq!(lines.table().rows[1], ["2月", "—", "0"]);
    assert_eq!(lines.alt_text(), "折线图：吹哨，单位：件。今年：1月10、2月—、3月30；上年同期：1月8、2月0、3月—。");
}

#[test]
fn figures_can_be_asked_for_where_they_are_not_written() {
    let rows: &[(&str, &[Option<f64>])] = &[("1月", &[Some(10.0), Some(8.0)]), ("2月", &[None, Some(0.0)])];
    let texts = |call: &str| -> Vec<String> {
        draw(&charted(call, rows).unwrap(), Room::HALF, "c").spots.into_iter().map(|spot| spot.text).collect()
    };
    assert_eq!(
        texts("line_chart(rows, label='name', values=['a'], names=['今年'], title='题', unit='件', last_year='b')"),
        ["1月：今年10件，上年同期8件", "2月：今年—，上年同期0件"]
    );
    assert_eq!(
        texts("pareto_chart(rows, label='name', values=['b'], names=['上报'], title='题', unit='件')"),
        ["1月：上报8件，累计占比100.0%", "2月：上报0件，累计占比100.0%"]
    );
    assert_eq!(
        texts("stacked_chart(rows, label='name', values=['a', 'b'], title='题')"),
        ["1月：a10，b8", "2月：a—，b0"]
    );
    assert_eq!(texts("bar_chart(rows, label='name', values=['a', 'b'], title='题')"), [""; 0], "all are written");
}

#[test]
fn a_long_series_is_told_by_its_ends() {
    let names: Vec<String> = (0..10).map(|place| format!("社区{place}")).collect();
    let rows: Vec<(&str, [Option<f64>; 1])> = names
        .iter()
        .enumerate()
        .map(|(place, name)| (name.as_str(), [(place != 5).then_some([3.0, 0.0, 9.5][place % 3])]))
        .collect();
    let rows: Vec<(&str, &[Option<f64>])> = rows.iter().map(|(name, figures)| (*name, figures.as_slice())).collect();
    let chart = charted("bar_chart(rows, label='name', values=['a'], title='题', format='decimal 1')", &rows).unwrap();
    assert_eq!(chart.alt_text(), "柱状图：题。共10项，最大社区2等2项9.5，最小社区1等3项0.0，1项没有数据。");
}

#[test]
fn wrong_arguments_are_refused() {
    let rows: &[(&str, &[Option<f64>])] = &[("甲", &[Some(1.0), Some(2.0)])];
    for (call, expected) in [
        ("bar_chart(rows, label='name', values=['a'])", "title"),
        ("bar_chart(rows, label='name', values=['a'], title='题', colour='red')", "colour"),
        ("bar_chart(rows, label='nam', values=['a'], title='题')", "the rows of the chart have no `nam`"),
        ("bar_chart(rows, label='name', values=[], title='题')", "shows 1 to 5 values, not 0"),
        ("bar_chart(rows, label='name', values=['name'], title='题')", "invalid operation"),
        ("bar_chart(rows, label='name', values=['a'], names=['甲', '乙'], title='题')", "1 values and 2 names"),
        ("bar_chart(rows, label='name', values=['a'], title='题', format='date')", "a chart shows figures"),
        ("bar_chart(rows, label='name', values=['a'], title='题', format='percnt')", "unknown format `percnt`"),
        ("bar_chart(rows, label='name', values=['a'], title='题', last_year='b')", "last_year"),
        ("line_chart(rows, label='name', values=['a', 'b'], title='题', last_year='b')", "stands beside one figure"),
        ("bar_chart(7, label='name', values=['a'], title='题')", "not iterable"),
    ] {
        let refused = charted(call, rows).err().unwrap_or_default();
        assert!(refused.contains(expected), "{call}: {refused}");
    }
    let huge: &[(&str, &[Option<f64>])] = &[("甲", &[Some(1e300)])];
    let refused = charted("bar_chart(rows, label='name', values=['a'], title='题')", huge).err().unwrap_or_default();
    assert!(refused.contains("1e300, which no chart can show"), "{refused}");
    let many = vec![("甲", [Some(1.0)].as_slice()); 151];
    let refused = charted("bar_chart(rows, label='name', values=['a'], title='题')", &many).err().unwrap_or_default();
    assert!(refused.contains("at most 150 rows, not 151"), "{refused}");
}

fn figures_of(chart: &Chart, series: usize) -> Vec<Point> {
    chart.series[series].points.clone()
}

#[test]
fn a_total_is_the_sum_of_its_parts_or_refused() {
    let call = "stacked_chart(rows, label='name', values=['a', 'b'], names=['办结', '在办'], total='c', title='题', unit='件')";
    let good: &[(&str, &[Option<f64>])] = &[
        ("甲", &[Some(0.1), Some(0.2), Some(0.3)]),
        ("乙", &[Some(3.0), None, Some(9.0)]),
        ("丙", &[None, None, None]),
    ];
    let chart = charted(call, good).unwrap();
    assert_eq!(chart.table().head, ["项目", "办结", "在办", "合计"]);
    assert_eq!(chart.table().rows[1], ["乙", "3", "—", "9"], "with a part missing nothing can be said of the sum");
    let svg = draw(&chart, Room::WIDE, "c").svg;
    assert!(svg.contains("<title>乙 办结：3件</title>") && !svg.contains("乙 在办"), "a missing part takes no space");
    let bad: &[(&str, &[Option<f64>])] = &[("甲", &[Some(1.0), Some(2.0), Some(4.0)])];
    let refused = charted(call, bad).err().unwrap_or_default();
    assert!(refused.contains("the parts of `甲` add up to 3, its total `c` is 4"), "{refused}");
    let negative: &[(&str, &[Option<f64>])] = &[("甲", &[Some(1.0), Some(-2.0), None])];
    assert!(charted(call, negative).err().unwrap_or_default().contains("-2 is none"));
}

#[test]
fn a_pareto_chart_orders_its_rows_and_shares_end_at_all() {
    let call = "pareto_chart(rows, label='name', values=['a'], names=['件数'], title='题', unit='件')";
    let rows: &[(&str, &[Option<f64>])] = &[
        ("甲", &[Some(1.0)]),
        ("乙", &[None]),
        ("丙", &[Some(5.0)]),
        ("丁", &[Some(1.0)]),
        ("戊", &[Some(0.0)]),
        ("己", &[Some(3.0)]),
    ];
    let chart = charted(call, rows).unwrap();
    assert_eq!(chart.labels, ["丙", "己", "甲", "丁", "戊", "乙"], "the same figure keeps the data's order");
    let shares = [0.5, 0.8, 0.9, 1.0, 1.0].map(Point::Figure);
    assert_eq!(figures_of(&chart, 1)[..5], shares);
    assert_eq!(figures_of(&chart, 1)[5], Point::Missing);
    assert_eq!(chart.table().rows[1], ["己", "3", "80.0%"]);
    assert!(draw(&chart, Room::WIDE, "c").svg.contains("<title>己 累计占比：80.0%</title>"), "a share has no unit");

    let zero: &[(&str, &[Option<f64>])] = &[("甲", &[Some(0.0)]), ("乙", &[Some(0.0)])];
    assert_eq!(figures_of(&charted(call, zero).unwrap(), 1), [Point::Missing; 2], "of nothing there is no share");
    let negative: &[(&str, &[Option<f64>])] = &[("甲", &[Some(-1.0)])];
    assert!(charted(call, negative).err().unwrap_or_default().contains("-1 is none"));

    let given = "pareto_chart(rows, label='name', values=['a'], share='b', title='题')";
    let rows: &[(&str, &[Option<f64>])] = &[("乙", &[Some(2.0), Some(0.75)]), ("甲", &[Some(4.0), Some(0.5)])];
    assert_eq!(figures_of(&charted(given, rows).unwrap(), 1), [0.5, 0.75].map(Point::Figure));
    let falling: &[(&str, &[Option<f64>])] = &[("甲", &[Some(4.0), Some(0.75)]), ("乙", &[Some(2.0), Some(0.5)])];
    assert!(charted(given, falling).err().unwrap_or_default().contains("cumulative shares rise"));
}

#[test]
fn what_must_not_be_shown_is_not_shown_nor_given_away() {
    let figures = [Point::Figure(5.0), Point::Suppressed, Point::Missing, Point::Figure(2.0)];
    let series = |points: Vec<Point>| Series {
        name: "人数".into(),
        points,
        cited: Vec::new(),
        format: Format::Integer,
        role: Role::Main,
    };
    let mut chart = charted("bar_chart(rows, label='name', values=['a'], title='题', unit='人')", &[]).unwrap();
    chart.labels = ["甲", "乙", "丙", "丁"].map(String::from).to_vec();
    chart.series = vec![series(figures.to_vec())];
    assert_eq!(chart.table().rows.concat(), ["甲", "5", "乙", "*", "丙", "—", "丁", "2"]);
    let svg = draw(&chart, Room::WIDE, "c").svg;
    assert!(svg.contains("<title>乙 人数：*</title>") && svg.contains("<title>丙 人数：—</title>"));
    assert_eq!(svg.matches("<rect").count(), 2);
    // A template sees the sign in place of the figure.
    let environment = template::environment(&Blocks::default());
    let rows: Vec<Value> = [Value::from(5), Value::from("*"), Value::from(2)]
        .into_iter()
        .map(|figure| Value::from_pairs([("name", Value::from("甲")), ("a", figure)]))
        .collect();
    let blocks = Blocks::default();
    let pareto = "{{ pareto_chart(rows, label='name', values=['a'], title='题') }}";
    template::environment(&blocks).render_str(pareto, Value::from_pairs([("rows", rows)])).unwrap();
    match blocks.lock().unwrap().first() {
        Some(Block::Chart(chart)) => assert_eq!(figures_of(chart, 1), [Point::Suppressed; 3], "shares would tell it"),
        other => panic!("{other:?}"),
    }
    let word = Value::from_pairs([("rows", vec![Value::from_pairs([("name", "甲"), ("a", "**")])])]);
    assert!(environment.render_str(pareto, word).is_err(), "any other text is no figure");
}

#[test]
fn a_heat_table_crosses_rows_with_columns() {
    let environment = |rows: &[(&str, &str, i32)]| {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(place, month, count)| {
                Value::from_pairs([
                    ("place", Value::from(*place)),
                    ("month", Value::from(*month)),
                    ("n", Value::from(*count)),
                ])
            })
            .collect();
        let blocks = Blocks::default();
        let call =
            "{{ heat_table(rows, label='place', column='month', value='n', title='题', labels={'甲': '甲街道'}) }}";
        let rendered = template::environment(&blocks).render_str(call, Value::from_pairs([("rows", rows)]));
        rendered.map_err(|error| error.to_string())?;
        match std::mem::take(&mut *blocks.lock().unwrap()).into_iter().next() {
            Some(Block::Chart(chart)) => Ok(chart.table()),
            other => Err(format!("{other:?}")),
        }
    };
    let table = environment(&[("甲", "2月", 1), ("乙", "1月", 2), ("甲", "1月", 0)]).unwrap();
    assert_eq!(table.head, ["项目", "2月", "1月"], "columns come as the data has them");
    assert_eq!(table.rows, [["甲街道", "1", "0"], ["乙", "—", "2"]]);
    let refused = environment(&[("甲", "1月", 1), ("甲", "1月", 1)]).err().unwrap_or_default();
    assert!(refused.contains("two rows are `甲街道`, `1月`"), "{refused}");
}

#[test]
fn tones_follow_the_figures() {
    let fills = |figures: &[f64]| -> Vec<String> {
        let shades = shaded::Shades::of(figures.iter().copied());
        figures.iter().map(|figure| shades.fill(Point::Figure(*figure))).collect()
    };
    assert_eq!(fills(&[0.0, 10.0]), [palette::tone(0.0), palette::tone(1.0)]);
    assert_eq!(fills(&[3.0, 3.0]), [palette::tone(0.3), palette::tone(0.3)]);
    assert_eq!(fills(&[-5.0, 0.0, 10.0]), [palette::tone(-0.5), palette::tone(0.0), palette::tone(1.0)]);
    // Columns of one format share their tones, others have their own.
    let rows: &[(&str, &[Option<f64>])] =
        &[("甲", &[Some(1.0), Some(9.0), Some(0.5)]), ("乙", &[Some(5.0), Some(5.0), Some(0.9)])];
    let call = "heat_table(rows, label='name', values=['a', 'b', 'c'], formats=['integer', 'integer', 'percent 0'], title='题')";
    let svg = draw(&charted(call, rows).unwrap(), Room::HALF, "c").svg;
    let cells: Vec<&str> =
        svg.split("<rect").skip(1).filter_map(|rect| rect.split("fill=\"").nth(1)?.get(..7)).collect();
    let [light, middle, dark] = [0.0, 0.5, 1.0].map(palette::tone);
    assert_eq!(cells, [&light, &dark, &light, &middle, &middle, &dark], "and no key, which could tell of one only");
    assert_eq!(shaded::Shades::of([1.0, 2.0].into_iter()).fill(Point::Missing), "#ffffff");
}

#[test]
fn a_map_has_each_figure_on_its_own_tile() {
    let tile = |code: &str, name: &str, row: i32, column: i32| {
        Value::from_pairs([
            ("place_code", Value::from(code)),
            ("place_name", Value::from(name)),
            ("tile_row", Value::from(row)),
            ("tile_column", Value::from(column)),
        ])
    };
    let row =
        |code: &str, figure: i32| Value::from_pairs([("place_code", Value::from(code)), ("n", Value::from(figure))]);
    let mapped = |rows: Vec<Value>, tiles: Vec<Value>| {
        let blocks = Blocks::default();
        let call = "{{ tile_map(rows, tiles=tiles, value='n', name='人数', title='题', unit='人') }}";
        let data = Value::from_pairs([("rows", rows), ("tiles", tiles)]);
        template::environment(&blocks).render_str(call, data).map_err(|error| error.to_string())?;
        match std::mem::take(&mut *blocks.lock().unwrap()).into_iter().next() {
            Some(Block::Chart(chart)) => Ok(chart),
            other => Err(format!("{other:?}")),
        }
    };
    let tiles = || vec![tile("1", "甲社区", 1, 1), tile("2", "乙社区", 1, 2)];
    let chart = mapped(vec![row("2", 0)], tiles()).unwrap();
    assert_eq!(chart.table().rows, [["甲社区", "—"], ["乙社区", "0"]], "a place without a row has no figure");
    let svg = draw(&chart, Room::WIDE, "c").svg;
    assert!(
        svg.contains("不表示边界") && svg.contains(">乙</text>") && svg.contains("<title>乙社区 人数：0人</title>")
    );
    for (rows, tiles, expected) in [
        (vec![row("3", 1)], tiles(), "`3` has no tile"),
        (vec![row("1", 1), row("1", 2)], tiles(), "`1` has two rows"),
        (vec![], vec![tile("1", "甲", 1, 1), tile("1", "甲", 1, 2)], "`1` has two tiles"),
        (vec![], vec![tile("1", "甲", 1, 1), tile("2", "乙", 1, 1)], "`甲` and `乙` are both at row 1, column 1"),
        (vec![], vec![tile("1", "甲", 0, 1)], "`tile_row` of a tile is 0"),
        (vec![], vec![tile("1", "甲", 1, 4_000)], "`tile_column` of a tile is 4000"),
        (vec![], vec![row("1", 1)], "the rows of the chart have no `tile_row`"),
    ] {
        let refused = mapped(rows, tiles).err().unwrap_or_default();
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
}

/// The layout that ships, with the places it is for: `code,name` and the tile.
fn shipped_tiles(code_length: usize) -> Vec<Value> {
    let layout = include_str!("../../../data/reference/map_tiles.csv");
    let communities = include_str!("../../../data/reference/communities.csv");
    let group_of = |code: &str| {
        let line = communities.lines().find(|line| line.split(',').next() == Some(code));
        line.and_then(|line| line.split(',').nth(3)).unwrap_or_default().to_owned()
    };
    layout
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|cells| cells[0].len() == code_length)
        .map(|cells| {
            let number = |text: &str| Value::from(text.parse::<u32>().unwrap_or_default());
            Value::from_pairs([
                ("place_code", Value::from(cells[0])),
                ("place_name", Value::from(cells[1])),
                ("group_name", Value::from(group_of(cells[0]))),
                ("tile_row", number(cells[2])),
                ("tile_column", number(cells[3])),
            ])
        })
        .collect()
}

#[test]
fn the_shipped_layout_has_each_place_once_and_none_on_another() {
    let texts = |value: &Value, name: &str| value.get_attr(name).map(|found| found.to_string()).unwrap_or_default();
    for (length, list, count) in [
        (9, include_str!("../../../data/reference/subdistricts.csv"), 16),
        (12, include_str!("../../../data/reference/communities.csv"), 115),
    ] {
        let tiles = shipped_tiles(length);
        let mut listed: Vec<(String, String)> = list
            .lines()
            .skip(1)
            .map(|line| {
                (
                    line.split(',').next().unwrap_or_default().to_owned(),
                    line.split(',').nth(1).unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let mut laid: Vec<(String, String)> =
            tiles.iter().map(|tile| (texts(tile, "place_code"), texts(tile, "place_name"))).collect();
        listed.sort();
        laid.sort();
        assert_eq!(laid, listed);
        assert_eq!(laid.len(), count);
        let spots: BTreeSet<(String, String)> =
            tiles.iter().map(|tile| (texts(tile, "tile_row"), texts(tile, "tile_column"))).collect();
        assert_eq!(spots.len(), count, "no two tiles at one place");
        // Communities of a subdistrict lie together.
        let mut groups: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for tile in &tiles {
            let spot = |name| texts(tile, name).parse::<i64>().unwrap_or_default();
            groups.entry(texts(tile, "group_name")).or_default().push((spot("tile_row"), spot("tile_column")));
        }
        for (group, spots) in groups.iter().filter(|(group, _)| !group.is_empty()) {
            let mut reached = vec![spots[0]];
            let mut next = 0;
            while let Some((row, column)) = reached.get(next).copied() {
                for spot in spots {
                    let is_beside = (spot.0 - row).abs() + (spot.1 - column).abs() == 1;
                    if is_beside && !reached.contains(spot) {
                        reached.push(*spot);
                    }
                }
                next += 1;
            }
            assert_eq!(reached.len(), spots.len(), "{group}");
        }
    }
}

/// One chart of each kind as a report might have it; the pictures of the template guide are made of these.
fn gallery() -> Vec<(&'static str, &'static str, Value)> {
    fn rows(names: [&str; 4], rows: &[(&str, [Option<f64>; 3])]) -> Value {
        let row = |(label, figures): &(&str, [Option<f64>; 3])| {
            let figures = figures.iter().map(|figure| figure.map_or(Value::from(()), Value::from));
            Value::from_pairs(names.into_iter().zip(std::iter::once(Value::from(*label)).chain(figures)))
        };
        rows.iter().map(row).collect()
    }
    let places = ["青竹湖街道", "沙坪街道", "秀峰街道", "捞刀河街道", "四方坪街道", "新河街道"];
    let crossed: Value = places
        .iter()
        .enumerate()
        .flat_map(|(place, name)| {
            (1..=6).map(move |month| {
                let count = (place * 13 + month * 29) % 47 + 8;
                let count = if (place, month) == (3, 2) { Value::from(()) } else { Value::from(count) };
                Value::from_pairs([
                    ("place", Value::from(*name)),
                    ("month", Value::from(format!("{month}月"))),
                    ("count", count),
                ])
            })
        })
        .collect();
    let measured = |tiles: &[Value]| -> Value {
        let coded = tiles.iter().enumerate().filter(|(place, _)| place % 40 != 7);
        coded
            .map(|(place, tile)| {
                Value::from_pairs([
                    ("place_code", tile.get_attr("place_code").unwrap_or_default()),
                    ("rate", Value::from((place * 37 % 101) as f64 / 400.0 + 0.75)),
                ])
            })
            .collect()
    };
    let mapped = |length: usize| {
        let tiles = shipped_tiles(length);
        Value::from_pairs([("rows", measured(&tiles)), ("tiles", tiles.into_iter().collect())])
    };
    let alone = |rows: Value| Value::from_pairs([("rows", rows)]);
    vec![
        (
            "bar_chart",
            "bar_chart(rows, label='unit', values=['open'], title='超期在办较多的单位', unit='件次')",
            alone(rows(
                ["unit", "open", "b", "c"],
                &[
                    ("城管执法大队", [Some(42.0), None, None]),
                    ("住房和城乡建设局", [Some(31.0), None, None]),
                    ("市场监督管理局", [Some(17.0), None, None]),
                    ("园林绿化维护中心", [Some(9.0), None, None]),
                    ("消防救援大队", [Some(0.0), None, None]),
                ],
            )),
        ),
        (
            "stacked_chart",
            "stacked_chart(rows, label='place', values=['on_time', 'late', 'open'], names=['按期办结', '超期办结', '超期未办结'], title='各街道应办结哨件', unit='件')",
            alone(rows(
                ["place", "on_time", "late", "open"],
                &[
                    ("青竹湖街道", [Some(182.0), Some(21.0), Some(6.0)]),
                    ("沙坪街道", [Some(96.0), Some(33.0), Some(14.0)]),
                    ("秀峰街道", [Some(240.0), Some(12.0), Some(0.0)]),
                    ("捞刀河街道", [Some(131.0), None, Some(9.0)]),
                ],
            )),
        ),
        (
            "line_chart",
            "line_chart(rows, label='month', values=['this'], names=['今年'], last_year='last', title='各月吹哨上报数', unit='件')",
            alone(rows(
                ["month", "this", "last", "c"],
                &[
                    ("1月", [Some(2410.0), Some(2105.0), None]),
                    ("2月", [Some(1630.0), Some(1822.0), None]),
                    ("3月", [Some(2875.0), Some(2240.0), None]),
                    ("4月", [None, Some(2310.0), None]),
                    ("5月", [Some(2990.0), Some(2455.0), None]),
                    ("6月", [Some(3120.0), Some(2630.0), None]),
                    ("7月", [None, Some(2580.0), None]),
                    ("8月", [None, Some(2470.0), None]),
                ],
            )),
        ),
        (
            "pareto_chart",
            "pareto_chart(rows, label='category', values=['count'], names=['件数'], title='吹哨问题类别', unit='件')",
            alone(rows(
                ["category", "count", "b", "c"],
                &[
                    ("市容环境", [Some(5120.0), None, None]),
                    ("公共设施", [Some(3310.0), None, None]),
                    ("施工管理", [Some(2240.0), None, None]),
                    ("矛盾纠纷", [Some(1730.0), None, None]),
                    ("消防安全", [Some(1190.0), None, None]),
                    ("食品安全", [Some(620.0), None, None]),
                    ("其他", [Some(310.0), None, None]),
                ],
            )),
        ),
        (
            "heat_table",
            "heat_table(rows, label='place', column='month', value='count', title='各街道各月吹哨数', unit='件')",
            alone(crossed),
        ),
        (
            "tile_map",
            "tile_map(rows, tiles=tiles, value='rate', name='按期办结率', title='各社区按期办结率', format='percent 1')",
            mapped(12),
        ),
        (
            "tile_map_of_subdistricts",
            "tile_map(rows, tiles=tiles, value='rate', name='按期办结率', title='各街道按期办结率', format='percent 1')",
            mapped(9),
        ),
    ]
}

fn drawn(call: &str, data: Value, room: Room) -> String {
    let blocks = Blocks::default();
    let rendered = template::environment(&blocks).render_str(&format!("{{{{ {call} }}}}"), data);
    rendered.unwrap_or_else(|error| panic!("{call}: {error}"));
    match blocks.lock().map(|blocks| blocks.first().cloned()) {
        Ok(Some(Block::Chart(chart))) => draw(&chart, room, "chart").svg,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_is_drawn_like_this() {
    for (name, call, data) in gallery() {
        let room = if name == "tile_map" { Room::WIDE } else { Room { width: 520.0, height: 500.0 } };
        insta::assert_snapshot!(name, drawn(call, data, room));
    }
}

/// The guide for template authors shows each kind with the call it was made by.
#[test]
fn the_guide_has_each_kind_with_its_call_and_picture() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("report-templates");
    let guide = fs_err::read_to_string(folder.join("README.md")).unwrap();
    for kind in CHART_KINDS {
        let (_, call, _) = gallery().into_iter().find(|(name, _, _)| *name == kind.function).unwrap();
        assert!(guide.contains(&format!("`{{{{ {} }}}}`", call.replace('\'', "\""))), "{call}");
        let picture = format!("pictures/{}.png", kind.function);
        assert!(guide.contains(&format!("![{}]({picture})", kind.name)), "{}", kind.name);
        let bytes = fs_err::read(folder.join(&picture)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() < 40_000, "{picture}: {} bytes", bytes.len());
    }
}
