//! The fixed words of a form: its registration, the line below its title, the line of those who sign it.

use chrono::NaiveDate;

use crate::report::form::{Align, Identity, Registration, Time};
use crate::report::wording::{Names, chinese_date};

/// The lines of the block at the top right.
pub(super) fn registration(registration: &Registration, names: &Names) -> Vec<String> {
    let texts = [
        ("表　　号", &registration.number),
        ("制定机关", &registration.authority),
        ("批准文号", &registration.approved),
        ("备案文号", &registration.filed),
    ];
    let texts = texts.into_iter().filter_map(|(label, text)| Some((label, names.fill(&text.as_ref()?.value))));
    let mut lines: Vec<String> = texts.map(|(label, text)| format!("{label}：{text}")).collect();
    if let Some((date, _)) = &registration.valid_until {
        let as_of = names.get("as_of_date").and_then(|date| date.parse::<NaiveDate>().ok());
        let is_expired = as_of.is_some_and(|as_of| as_of > *date);
        lines.push(format!("有效期至：{}{}", chinese_date(*date), if is_expired { "（已过有效期）" } else { "" }));
    }
    lines
}

/// Who fills the form, for when, and in which unit.
pub(super) fn unit_line(identity: &Identity, names: &Names) -> Vec<(String, Align)> {
    let seal = if identity.is_sealed { "（盖章）" } else { "" };
    let by = match (&identity.filled_by, &identity.issued_by) {
        (Some(by), _) => Some(("填报单位", by)),
        (None, Some(by)) => Some(("通报单位", by)),
        (None, None) => None,
    };
    let by = by.map(|(label, by)| format!("{label}{seal}：{}", names.fill(&by.value)));
    let time = identity.time.map(|time| match time {
        Time::Period => names.fill("统计时期：{period}"),
        Time::AsOf => names.fill("截止时点：{as_of}"),
    });
    let unit = identity.unit.as_ref().map(|unit| format!("计量单位：{}", names.fill(&unit.value)));
    [(by, Align::Left), (time, Align::Center), (unit, Align::Right)]
        .into_iter()
        .filter_map(|(text, align)| Some((text?, align)))
        .collect()
}

pub(super) fn signers(identity: &Identity, names: &Names) -> Vec<(String, Align)> {
    let signers = &identity.signers;
    let date = if identity.issued_by.is_some() { "通报日期" } else { "填报日期" };
    [
        ("单位负责人", &signers.head),
        ("审核人", &signers.reviewer),
        ("制表人", &signers.preparer),
        ("联系电话", &signers.phone),
        (date, &signers.date),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((format!("{label}：{}", names.fill(&text.as_ref()?.value)), Align::Left)))
    .collect()
}
