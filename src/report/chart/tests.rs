//! Every kind over data that is few, many, missing, negative, huge or hostile.

use minijinja::value::Value;

use super::pen::text_width;
use super::*;
use crate::report::summary::Block;
use crate::report::template::{self, Blocks};

/// The chart that a template's call makes of `rows`: label, then figures `a`, `b`, ….
fn charted(call: &str, rows: &[(&str, &[Option<f64>])]) -> Result<Chart, String> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(label, figures)| {
            let figures = figures.iter().enumerate().map(|(number, figure)| {
                let name = char::from(b'a' + u8::try_from(number).unwrap_or(0)).to_string();
                (name, figure.map_or(Value::from(()), Value::from))
            });
            Value::from_pairs(std::iter::once(("name".to_owned(), Value::from(*label))).chain(figures))
        })
        .collect();
    let blocks = Blocks::default();
    let environment = template::environment(&blocks);
    let result = environment.render_str(&format!("{{{{ {call} }}}}"), Value::from_pairs([("rows", rows)]));
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
            charts.push((format!("{sort}: {call}"), charted(call, &rows).unwrap_or_else(|error| panic!("{error}"))));
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
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count(), "{name}");
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
