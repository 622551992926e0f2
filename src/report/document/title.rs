//! A title in lines: broken between words, balanced, in the shape of a trapezium or a diamond, as GB/T 9704-2012 asks.

use super::page::{SIZE_TWO, TYPE_WIDTH, roomy_width};

/// Lines that are looked at for the best shape; a title that needs more is broken where it is full.
const LINES_MAX: usize = 4;
/// Words of a title beyond which the search for the best breaks would take too long.
const PIECES_MAX: usize = 80;

/// Words of the trade that no line break splits, longest first where one begins another.
const WORDS: &[&str] = &[
    "网格化综合服务中心",
    "综合服务中心",
    "服务中心",
    "民情日志",
    "数据质量",
    "重点人群",
    "每日要情",
    "决策参考",
    "出租房屋",
    "进一步",
    "办公室",
    "长沙市",
    "开福区",
    "网格化",
    "网格员",
    "上半年",
    "下半年",
    "第一季度",
    "第二季度",
    "第三季度",
    "第四季度",
    "吹哨",
    "报到",
    "网格",
    "街道",
    "社区",
    "小区",
    "办理",
    "情况",
    "通报",
    "通知",
    "报告",
    "简报",
    "专报",
    "请示",
    "意见",
    "方案",
    "数据",
    "质量",
    "走访",
    "统计",
    "分析",
    "工作",
    "安全",
    "排查",
    "隐患",
    "整改",
    "服务",
    "中心",
    "综合",
    "治理",
    "管理",
    "社会",
    "基层",
    "人口",
    "房屋",
    "商铺",
    "居民",
    "台账",
    "专项",
    "行动",
    "开展",
    "加强",
    "做好",
    "印发",
    "实施",
    "落实",
    "关于",
    "全区",
    "本月",
    "本周",
    "月度",
    "季度",
    "年度",
    "半年",
];

const NEVER_FIRST: &str = "的了之和与及或、，。；：！？）》」』〕】”’%％";
const NEVER_LAST: &str = "（《「『〔【“‘第";

/// The lines of a title set in 二号, each at most as wide as the type area.
pub(in crate::report) fn title_lines(title: &str) -> Vec<String> {
    balanced(title, (TYPE_WIDTH / SIZE_TWO).floor())
}

fn balanced(title: &str, width_max: f64) -> Vec<String> {
    let pieces = pieces(title);
    let widths: Vec<f64> = pieces.iter().map(|piece| roomy_width(piece)).collect();
    let total: f64 = widths.iter().sum();
    if total <= width_max {
        return vec![title.to_owned()];
    }
    let least = (total / width_max).ceil() as usize;
    if pieces.len() <= PIECES_MAX {
        for count in least..=LINES_MAX {
            let mut search = Search { pieces: &pieces, widths: &widths, width_max, best: None };
            search.go(count, 0, &mut Vec::new(), 0.0);
            if let Some((_, ends)) = search.best {
                let mut start = 0;
                return ends
                    .into_iter()
                    .map(|end| {
                        let line = pieces[start..end].concat().trim().to_owned();
                        start = end;
                        line
                    })
                    .collect();
            }
        }
    }
    full(title, width_max)
}

/// Lines broken wherever they are full.
fn full(title: &str, width_max: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0.0;
    for sign in title.chars() {
        let wide = roomy_width(sign.encode_utf8(&mut [0; 4]));
        if taken + wide > width_max {
            lines.push(String::new());
            taken = 0.0;
        }
        taken += wide;
        if let Some(line) = lines.last_mut() {
            line.push(sign);
        }
    }
    lines
}

/// The cheapest way to cut the pieces into a number of lines.
struct Search<'a> {
    pieces: &'a [&'a str],
    widths: &'a [f64],
    width_max: f64,
    best: Option<(f64, Vec<usize>)>,
}

impl Search<'_> {
    fn go(&mut self, lines: usize, start: usize, ends: &mut Vec<usize>, cost: f64) {
        if self.best.as_ref().is_some_and(|(best, _)| *best <= cost) {
            return;
        }
        if lines == 1 {
            if self.widths[start..].iter().sum::<f64>() > self.width_max {
                return;
            }
            ends.push(self.pieces.len());
            let whole = cost + self.shape(ends);
            if self.best.as_ref().is_none_or(|(best, _)| whole < *best) {
                self.best = Some((whole, ends.clone()));
            }
            ends.pop();
            return;
        }
        let mut taken = 0.0;
        for end in start + 1..self.pieces.len() {
            taken += self.widths[end - 1];
            if taken > self.width_max {
                break;
            }
            let Some(price) = break_cost(self.pieces[end - 1], self.pieces[end]) else { continue };
            ends.push(end);
            self.go(lines - 1, end, ends, cost + price);
            ends.pop();
        }
    }

    /// How far the lines are from a trapezium or a diamond.
    fn shape(&self, ends: &[usize]) -> f64 {
        let mut start = 0;
        let lines: Vec<f64> = ends
            .iter()
            .map(|end| {
                let line = self.widths[start..*end].iter().sum();
                start = *end;
                line
            })
            .collect();
        let longest = lines.iter().copied().fold(0.0, f64::max);
        let shortest = lines.iter().copied().fold(f64::INFINITY, f64::min);
        let is_block = longest - shortest < 1.0;
        let is_hourglass = lines.windows(3).any(|three| three[1] < three[0] && three[1] < three[2]);
        (longest - shortest - 6.0).max(0.0) * 1.5
            + if is_block { 1.5 } else { 0.0 }
            + if is_hourglass { 8.0 } else { 0.0 }
    }
}

/// What it costs to end a line between two pieces; `None` where no line may end.
fn break_cost(before: &str, after: &str) -> Option<f64> {
    let (last, first) = (before.chars().next_back()?, after.chars().next()?);
    if NEVER_FIRST.contains(first) || NEVER_LAST.contains(last) {
        return None;
    }
    let is_word = |piece: &str| piece.chars().count() > 1;
    Some(if last == '的' || "，、：；》　 ".contains(last) || "《　 ".contains(first) {
        0.0
    } else if "年月".contains(last) && first.is_ascii_digit() {
        // Within a date.
        12.0
    } else if before == "关于" || "和与及或".contains(last) {
        5.0
    } else if is_word(before) && is_word(after) {
        1.5
    } else if is_word(before) || is_word(after) {
        3.0
    } else {
        7.0
    })
}

/// Words, numbers with what they count, single characters.
fn pieces(title: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = title;
    while let Some(first) = rest.chars().next() {
        let number = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && !".%—-〔〕".contains(sign));
        let length = match number.unwrap_or(rest.len()) {
            0 => WORDS.iter().find(|word| rest.starts_with(**word)).map_or_else(|| first.len_utf8(), |word| word.len()),
            number => match rest[number..].chars().next().filter(|_| first.is_ascii_digit()) {
                Some(unit) if "年月日号期件次项个季".contains(unit) => number + unit.len_utf8(),
                _ => number,
            },
        };
        pieces.push(&rest[..length]);
        rest = &rest[length..];
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_break_by_sense() {
        for (title, lines) in [
            ("开福区每日要情", vec!["开福区每日要情"]),
            (
                "关于2024年上半年1月1日至6月27日累计吹哨办理情况的通报",
                vec!["关于2024年上半年1月1日", "至6月27日累计吹哨办理情况的通报"],
            ),
            ("关于2024年上半年全区网格吹哨办理情况的通报", vec!["关于2024年上半年", "全区网格吹哨办理情况的通报"]),
            (
                "长沙市开福区网格化综合服务中心关于进一步做好出租房屋安全隐患排查整改工作的通知",
                vec!["长沙市开福区网格化综合服务中心关于进一步", "做好出租房屋安全隐患排查整改工作的通知"],
            ),
        ] {
            assert_eq!(title_lines(title), lines);
        }
    }

    #[test]
    fn any_title_fits() {
        for title in [
            "",
            "长".repeat(500).as_str(),
            "a".repeat(500).as_str(),
            "的".repeat(60).as_str(),
            "《《《《《《《《《《《《《《《《《《《《《《《《《《",
            "2024年6月27日，2024年6月27日，2024年6月27日，2024年6月27日",
        ] {
            let lines = title_lines(title);
            assert_eq!(lines.concat(), title);
            assert!(lines.iter().all(|line| roomy_width(line) <= 20.0), "{lines:?}");
        }
    }
}
