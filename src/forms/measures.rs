//! Units that say the same of a figure, and what one is in another.

/// Units of one quantity, with how many of the smallest parts of it each is.
const QUANTITIES: &[&[(&str, u64)]] = &[
    &[("人", 1), ("名", 1), ("位", 1), ("人次", 1), ("万人", 10_000)],
    &[("户", 1), ("家", 1), ("个", 1), ("处", 1), ("所", 1), ("户次", 1)],
    &[("件", 1), ("起", 1), ("条", 1), ("项", 1), ("次", 1), ("宗", 1)],
    &[("套", 1), ("间", 1)],
    &[("具", 1), ("台", 1), ("个", 1), ("只", 1)],
    &[("栋", 1), ("幢", 1), ("座", 1)],
    // An are is 2000/3 square metres: counted in thirds.
    &[
        ("平方米", 3),
        ("㎡", 3),
        ("m²", 3),
        ("m2", 3),
        ("平米", 3),
        ("亩", 2_000),
        ("公顷", 30_000),
        ("万平方米", 30_000),
        ("平方公里", 3_000_000),
    ],
    &[("元", 1), ("千元", 1_000), ("万元", 10_000), ("亿元", 100_000_000)],
    &[("天", 24), ("日", 24), ("小时", 1)],
    &[("岁", 1), ("周岁", 1)],
    &[("层", 1)],
];

/// What a figure in `from` is to be multiplied and divided by, to be one in `to`; `None` where they measure different things.
pub(super) fn conversion(from: &str, to: &str) -> Option<(u64, u64)> {
    if from == to {
        return Some((1, 1));
    }
    let part =
        |quantity: &[(&str, u64)], unit: &str| quantity.iter().find(|(name, _)| *name == unit).map(|(_, part)| *part);
    QUANTITIES.iter().find_map(|quantity| Some((part(quantity, from)?, part(quantity, to)?)))
}
