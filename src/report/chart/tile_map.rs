//! Places as tiles of one size, roughly where they lie, coloured by their figures. The layout is data; tiles are no
//! borders, and the picture says so.

use std::collections::BTreeMap;

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::declared::{cell, described, field, figure, invalid, limited};
use super::palette::{FAINT, INK};
use super::pen::{Anchor, FONT, Pen, Room, widest, wrapped};
use super::shaded::{Shades, ink};
use super::{Chart, ChartKind, Point, Role, Series, Tile};

pub(super) static KIND: ChartKind = ChartKind { function: "tile_map", name: "方块示意图", read, draw };

const NOTE: &str = "方块位置为示意，不表示边界和面积";
/// Rows and columns of a layout.
const SIDE_MAX: u32 = 60;
const TILE_WIDTH_MOST: f64 = 96.0;
const NAME: f64 = 11.0;
const GROUP: f64 = 9.0;
/// Between two of the texts of a tile.
const PITCH: f64 = 13.0;
/// What every name of a kind ends in tells nothing on a tile.
const ENDINGS: [&str; 2] = ["社区", "街道"];

/// `rows` have figures by code; `tiles` are rows of the layout: `place_code`, `place_name`, `tile_row`, `tile_column`
/// and, where tiles belong together, `group_name`. A place without a row has no figure; a row without a tile is an
/// error.
fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let tiles: Value = options.get("tiles")?;
    let code: String = options.get::<Option<String>>("code")?.unwrap_or_else(|| "place_code".to_owned());
    let column: String = options.get("value")?;
    let name: Option<String> = options.get("name")?;
    let mut chart = described(&KIND, options)?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for tile in tiles.try_iter()? {
        let position = |name: &str| -> Result<u32, Error> {
            let value = field(&tile, name)?;
            let position = u32::try_from(value.clone()).ok().filter(|position| (1..=SIDE_MAX).contains(position));
            position.ok_or_else(|| invalid(format!("`{name}` of a tile is {value}, not a number from 1 to {SIDE_MAX}")))
        };
        let found = Tile {
            row: position("tile_row")?,
            column: position("tile_column")?,
            group: tile.get_attr("group_name")?.as_str().unwrap_or_default().to_owned(),
        };
        let label = field(&tile, "place_name")?.to_string();
        if let Some(other) = chart.tiles.iter().position(|tile| (tile.row, tile.column) == (found.row, found.column)) {
            let place = format!("row {}, column {}", found.row, found.column);
            return Err(invalid(format!("`{}` and `{label}` are both at {place}", chart.labels[other])));
        }
        let code = field(&tile, "place_code")?.to_string();
        if places.insert(code.clone(), chart.tiles.len()).is_some() {
            return Err(invalid(format!("`{code}` has two tiles")));
        }
        chart.labels.push(label);
        chart.tiles.push(found);
    }
    limited(&chart.labels)?;
    let mut points = vec![None; chart.labels.len()];
    for row in rows.try_iter()? {
        let code = field(&row, &code)?.to_string();
        let place = places.get(&code).and_then(|place| points.get_mut(*place));
        let place = place.ok_or_else(|| {
            invalid(format!("`{code}` has no tile; are `rows` and `tiles` places of the same level?"))
        })?;
        if place.replace((figure(&row, &column)?, cell(&row, &column))).is_some() {
            return Err(invalid(format!("`{code}` has two rows")));
        }
    }
    let format = super::declared::format(options)?;
    let (points, cited) = points.into_iter().map(|point| point.unwrap_or((Point::Missing, None))).unzip();
    chart.series.push(Series { name: name.unwrap_or(column), points, cited, format, role: Role::Main });
    Ok(chart)
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let Some(series) = chart.series.first() else { return Pen::new(room.width) };
    let columns = chart.tiles.iter().map(|tile| tile.column).max().unwrap_or(1);
    let first_column = chart.tiles.iter().map(|tile| tile.column).min().unwrap_or(1);
    let first_row = chart.tiles.iter().map(|tile| tile.row).min().unwrap_or(1);
    let count = f64::from(columns + 1 - first_column);
    let figures: Vec<String> = (0..chart.labels.len()).map(|place| series.worded(place)).collect();
    let least = (widest(figures.iter().map(String::as_str), NAME) + 4.0).max(3.0 * NAME + 4.0);
    let width = (room.width / count).clamp(least, TILE_WIDTH_MOST.max(least));
    let names: Vec<Vec<String>> =
        chart.labels.iter().map(|label| wrapped(short(label), NAME, width - 4.0, 2)).collect();
    let group_height = if chart.tiles.iter().any(|tile| !tile.group.is_empty()) { GROUP + 2.0 } else { 0.0 };
    let names_height = names.iter().map(Vec::len).max().unwrap_or(1) as f64 * PITCH;
    let height = group_height + names_height + PITCH + 12.0;
    let mut pen = Pen::new(room.width.max(width * count));
    let margin = (pen.width - width * count) / 2.0 + 1.0;
    let corner = |tile: &Tile| {
        let (column, row) = (f64::from(tile.column - first_column), f64::from(tile.row - first_row));
        (margin + width * column, 2.0 + height * row)
    };
    let shades = Shades::of(series.figures());
    let mut named: Vec<&str> = vec![""];
    for (place, tile) in chart.tiles.iter().enumerate() {
        let (left, top) = corner(tile);
        let fill = shades.fill(series.at(place));
        let color = ink(&fill);
        let edge = if series.at(place).figure().is_some() { "" } else { " stroke-dasharray=\"3 2\"" };
        let is_first = !named.contains(&tile.group.as_str());
        pen.mark(&chart.said(place, series), |pen| {
            let paint = format!("fill=\"{fill}\" stroke=\"#8c8c8c\" stroke-width=\"0.8\"{edge}");
            pen.rect((left + 1.0, top + 1.0), (width - 2.0, height - 2.0), &paint);
            let middle = left + width / 2.0;
            if is_first {
                let group = wrapped(short(&tile.group), GROUP, width - 2.0, 1);
                pen.lines((middle, top + 9.0), Anchor::Middle, GROUP, color, &group);
            }
            let name_middle = top + 5.0 + group_height + names_height / 2.0;
            pen.lines((middle, name_middle), Anchor::Middle, NAME, color, &names[place]);
            let figure_middle = top + 5.0 + group_height + names_height + PITCH / 2.0;
            pen.text((middle, figure_middle), Anchor::Middle, NAME, color, &figures[place]);
        });
        named.push(&tile.group);
    }
    outlines(chart, &mut pen, (width, height), &corner);
    let rows = chart.tiles.iter().map(|tile| tile.row + 1 - first_row).max().unwrap_or(0);
    pen.height = height * f64::from(rows) + 6.0;
    shades.key(&mut pen, series);
    pen.height += 18.0;
    let below = (pen.width / 2.0, pen.height - 9.0);
    pen.text(below, Anchor::Middle, FONT, FAINT, NOTE);
    pen
}

/// Lines around the tiles that belong together.
fn outlines(chart: &Chart, pen: &mut Pen, (width, height): (f64, f64), corner: &impl Fn(&Tile) -> (f64, f64)) {
    let group_at = |row: u32, column: u32| {
        chart.tiles.iter().find(|tile| (tile.row, tile.column) == (row, column)).map(|tile| tile.group.as_str())
    };
    let paint = format!("stroke=\"{INK}\" stroke-width=\"1.6\" stroke-linecap=\"square\"");
    for tile in chart.tiles.iter().filter(|tile| !tile.group.is_empty()) {
        let (left, top) = corner(tile);
        let (right, bottom) = (left + width, top + height);
        let sides = [
            (tile.row - 1, tile.column, (left, top), (right, top)),
            (tile.row, tile.column - 1, (left, top), (left, bottom)),
            (tile.row + 1, tile.column, (left, bottom), (right, bottom)),
            (tile.row, tile.column + 1, (right, top), (right, bottom)),
        ];
        for (row, column, from, to) in sides {
            let other = group_at(row, column);
            // A line between two groups is drawn once, by the one above or on the left.
            let is_drawn_by_other = other.is_some() && (row < tile.row || column < tile.column);
            if other != Some(&tile.group) && !is_drawn_by_other {
                pen.line(from, to, &paint);
            }
        }
    }
}

fn short(name: &str) -> &str {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    stem.filter(|stem| !stem.is_empty()).unwrap_or(name)
}
