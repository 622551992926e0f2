//! Checks in the cells of a collection sheet: what a clerk may write, said before it comes back.

use rust_xlsxwriter::{DataValidation, DataValidationRule, ExcelDateTime, Formula, XlsxError};

use super::super::elements::Dictionary;
use super::needs::Ask;
use crate::contract::{Bound, ColumnKind, Contracts, RuleKind};

/// What may be written into a cell; `first` names the first cell the rule is for.
pub(super) fn cell_check(
    ask: &Ask,
    first: &str,
    dictionary: &Dictionary,
    contracts: &Contracts,
) -> std::result::Result<Option<DataValidation>, XlsxError> {
    let rule = DataValidation::new();
    let element = dictionary.get(&ask.key);
    let source = element.and_then(|element| element.source.as_ref());
    let column = source.and_then(|source| Some(contracts.get(&source.relation)?.column(&source.column)?.1));
    let rules = column.map_or(&[][..], |column| column.rules.as_slice());
    let choices: Vec<String> = match ask.kind {
        ColumnKind::Boolean => vec!["是".to_owned(), "否".to_owned()],
        _ => ask.choices.clone(),
    };
    // The format allows 255 characters, the commas between among them.
    let is_listed = !choices.is_empty()
        && choices.iter().map(|choice| choice.chars().count() + 1).sum::<usize>() <= 255
        && !choices.iter().any(|choice| choice.contains(','));
    let range = rules.iter().find_map(|rule| match rule.kind {
        RuleKind::Range { minimum, maximum } => Some((minimum, maximum)),
        _ => None,
    });
    let is_id = rules.iter().any(|rule| matches!(rule.kind, RuleKind::IdNumber)) || ask.label.contains("身份证号");
    let (rule, message) = if is_listed {
        (rule.allow_list_strings(&choices)?, "请从下拉列表中选择。".to_owned())
    } else if is_id {
        // Weights of GB 11643 are powers of two modulo 11; a rule may hold no array constant.
        let digits = format!("MID({first},ROW(INDIRECT(\"1:17\")),1)");
        let sum = format!("SUMPRODUCT({digits}*MOD(2^(18-ROW(INDIRECT(\"1:17\"))),11))");
        let formula = format!("=AND(LEN({first})=18,MID(\"10X98765432\",MOD({sum},11)+1,1)=UPPER(RIGHT({first},1)))");
        (rule.allow_custom(Formula::new(formula)), "请填写18位、校验位正确的身份证号码。".to_owned())
    } else {
        match ask.kind {
            ColumnKind::Date => {
                let first = ExcelDateTime::from_ymd(1900, 1, 1)?;
                let last = ExcelDateTime::from_ymd(2100, 1, 1)?;
                (rule.allow_date(DataValidationRule::Between(first, last)), "请填写日期，如2024-06-27。".to_owned())
            }
            ColumnKind::Integer | ColumnKind::Number => {
                let number = |bound: Option<Bound>, other: f64| match bound {
                    Some(Bound::Number(number)) => number,
                    _ => other,
                };
                let (least, most) = range.map_or((0.0, 1e12), |(least, most)| (number(least, 0.0), number(most, 1e12)));
                let between = DataValidationRule::Between(least, most);
                let message = match range {
                    Some(_) => format!("请填写{least}到{most}之间的数字。"),
                    None => "请填写数字，没有的填0。".to_owned(),
                };
                (rule.allow_decimal_number(between), message)
            }
            _ => return Ok(None),
        }
    };
    rule.set_error_title("填写有误")?.set_error_message(message).map(Some)
}
