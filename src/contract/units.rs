//! Units of measure that senders write behind a column's name: `建筑面积(平方米)`.
//!
//! Only units are taken off a name. Anything else in brackets may say whose value it is: `联系电话(紧急联系人)` is not
//! the telephone of the resident.

/// Units as they look in a folded name: half-width, lower case.
const UNITS: &[&str] = &[
    // Length, area, volume.
    "毫米",
    "mm",
    "厘米",
    "cm",
    "米",
    "m",
    "公里",
    "千米",
    "km",
    "平方米",
    "平米",
    "平方",
    "㎡",
    "m2",
    "m²",
    "亩",
    "公顷",
    "平方公里",
    "km2",
    "km²",
    "立方米",
    "方",
    "m3",
    "m³",
    "升",
    "l",
    "毫升",
    "ml",
    // Weight, power, temperature.
    "克",
    "g",
    "公斤",
    "千克",
    "kg",
    "吨",
    "t",
    "千瓦",
    "kw",
    "度",
    "千瓦时",
    "kwh",
    "℃",
    "摄氏度",
    // Money.
    "元",
    "万元",
    "亿元",
    "rmb",
    "人民币",
    // Time.
    "秒",
    "分",
    "分钟",
    "小时",
    "时",
    "日",
    "天",
    "周",
    "月",
    "个月",
    "季",
    "季度",
    "年",
    "周岁",
    "岁",
    // Counts.
    "人",
    "名",
    "位",
    "人次",
    "人数",
    "户",
    "户次",
    "户数",
    "家",
    "个",
    "间",
    "套",
    "栋",
    "幢",
    "层",
    "处",
    "所",
    "座",
    "块",
    "具",
    "台",
    "部",
    "辆",
    "件",
    "份",
    "张",
    "条",
    "宗",
    "起",
    "次",
    "批",
    "株",
    "床",
    "项",
    "只",
    "支",
    // Shares.
    "%",
    "‰",
    "百分比",
];

/// A folded name parted from what stands in brackets at its end.
pub(super) fn unit_at_end(folded: &str) -> Option<(&str, &str)> {
    let cut = |open: char, close: char| folded.strip_suffix(close).and_then(|name| name.rsplit_once(open));
    let (name, inner) = cut('(', ')').or_else(|| cut('[', ']'))?;
    let unit = inner.strip_prefix("计量").unwrap_or(inner);
    let unit = unit.strip_prefix("单位").map_or(inner, |unit| unit.trim_start_matches(':'));
    (!name.is_empty()).then_some((name, unit))
}

/// Whether a folded text is a unit, or one per another: `元/月`.
pub(super) fn is_known(unit: &str) -> bool {
    unit.split('/').count() <= 2 && unit.split('/').all(|part| UNITS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_units_are_parted_from_a_name() {
        let parted = |name: &'static str| unit_at_end(name).filter(|(_, unit)| is_known(unit));
        assert_eq!(parted("建筑面积(平方米)"), Some(("建筑面积", "平方米")));
        assert_eq!(parted("面积[计量单位:㎡]"), Some(("面积", "㎡")));
        assert_eq!(parted("租金(元/月)"), Some(("租金", "元/月")));
        for name in ["联系电话(紧急联系人)", "电话(手机)", "(元)", "租金(元", "租金(元/月/年)", "租金()", "姓名"]
        {
            assert_eq!(parted(name), None, "{name}");
        }
    }
}
