//! What a clerk reads: one Chinese sentence per violation, saying what is wrong and what to do. Which values a sentence
//! may quote is decided by `Judge::shown`.

use std::fmt;

use super::Bound;
use crate::district::identifiers::IdNumberFault;

/// The rule a row broke, as stored in the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleCode {
    MissingRequired,
    BadDate,
    BadTimestamp,
    BadNumber,
    BadBoolean,
    OutOfRange,
    TooLong,
    TooShort,
    BadPattern,
    UnknownCode,
    BadIdNumber,
    BirthDateDisagrees,
    SexDisagrees,
    BadUscc,
    BadPhone,
    UnknownReference,
    FutureDate,
    ReplacementCharacter,
    /// Found while landing: the same key twice with different content and the same version.
    DuplicateKey,
    RaggedRow,
    /// A long number that a spreadsheet kept as a float.
    LostDigits,
    /// A formula that ended in an error.
    FormulaError,
}

impl RuleCode {
    pub const ALL: [RuleCode; 22] = [
        RuleCode::MissingRequired,
        RuleCode::BadDate,
        RuleCode::BadTimestamp,
        RuleCode::BadNumber,
        RuleCode::BadBoolean,
        RuleCode::OutOfRange,
        RuleCode::TooLong,
        RuleCode::TooShort,
        RuleCode::BadPattern,
        RuleCode::UnknownCode,
        RuleCode::BadIdNumber,
        RuleCode::BirthDateDisagrees,
        RuleCode::SexDisagrees,
        RuleCode::BadUscc,
        RuleCode::BadPhone,
        RuleCode::UnknownReference,
        RuleCode::FutureDate,
        RuleCode::ReplacementCharacter,
        RuleCode::DuplicateKey,
        RuleCode::RaggedRow,
        RuleCode::LostDigits,
        RuleCode::FormulaError,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RuleCode::MissingRequired => "missing_required",
            RuleCode::BadDate => "bad_date",
            RuleCode::BadTimestamp => "bad_timestamp",
            RuleCode::BadNumber => "bad_number",
            RuleCode::BadBoolean => "bad_boolean",
            RuleCode::OutOfRange => "out_of_range",
            RuleCode::TooLong => "too_long",
            RuleCode::TooShort => "too_short",
            RuleCode::BadPattern => "bad_pattern",
            RuleCode::UnknownCode => "unknown_code",
            RuleCode::BadIdNumber => "bad_id_number",
            RuleCode::BirthDateDisagrees => "birth_date_disagrees",
            RuleCode::SexDisagrees => "sex_disagrees",
            RuleCode::BadUscc => "bad_uscc",
            RuleCode::BadPhone => "bad_phone",
            RuleCode::UnknownReference => "unknown_reference",
            RuleCode::FutureDate => "future_date",
            RuleCode::ReplacementCharacter => "replacement_character",
            RuleCode::DuplicateKey => "duplicate_key",
            RuleCode::RaggedRow => "ragged_row",
            RuleCode::LostDigits => "lost_digits",
            RuleCode::FormulaError => "formula_error",
        }
    }

    /// A short Chinese name, for tables of counts.
    pub fn label(self) -> &'static str {
        match self {
            RuleCode::MissingRequired => "必填项为空",
            RuleCode::BadDate => "日期无效",
            RuleCode::BadTimestamp => "时间无效",
            RuleCode::BadNumber => "数字无效",
            RuleCode::BadBoolean => "是否项无效",
            RuleCode::OutOfRange => "超出范围",
            RuleCode::TooLong => "内容过长",
            RuleCode::TooShort => "内容过短",
            RuleCode::BadPattern => "格式不符",
            RuleCode::UnknownCode => "代码不存在",
            RuleCode::BadIdNumber => "身份证号有误",
            RuleCode::BirthDateDisagrees => "出生日期与身份证号不一致",
            RuleCode::SexDisagrees => "性别与身份证号不一致",
            RuleCode::BadUscc => "统一社会信用代码有误",
            RuleCode::BadPhone => "电话号码有误",
            RuleCode::UnknownReference => "引用的记录不存在",
            RuleCode::FutureDate => "日期在将来",
            RuleCode::ReplacementCharacter => "含乱码字符",
            RuleCode::DuplicateKey => "主键重复",
            RuleCode::RaggedRow => "列数不符",
            RuleCode::LostDigits => "长数字失真",
            RuleCode::FormulaError => "公式出错",
        }
    }
}

impl fmt::Display for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value in quotes if it may be shown, cut to a readable length.
fn shown(value: Option<&str>) -> String {
    const LENGTH_MAX: usize = 20;
    match value {
        None => String::new(),
        Some(value) if value.chars().count() <= LENGTH_MAX => format!("“{value}”"),
        Some(value) => format!("“{}…”", value.chars().take(LENGTH_MAX).collect::<String>()),
    }
}

pub(super) fn missing_required(label: &str, when: &str) -> String {
    format!("{when}“{label}”必填，请补填")
}

/// `证件类型为居民身份证时，`
pub(super) fn condition(label: &str, values: &[String]) -> String {
    format!("{label}为{}时，", values.join("或"))
}

pub(super) fn bad_date(label: &str, value: Option<&str>) -> String {
    if value.is_some_and(is_excel_serial) {
        return format!("{label}{}像是表格软件的日期序号，请把该列设为日期格式后重填", shown(value));
    }
    format!("{label}{}不是有效日期，请按2024-06-27的格式填写真实日期", shown(value))
}

pub(super) fn bad_timestamp(label: &str, value: Option<&str>) -> String {
    if value.is_some_and(is_excel_serial) {
        return format!("{label}{}像是表格软件的日期序号，请把该列设为日期格式后重填", shown(value));
    }
    format!("{label}{}不是有效时间，请按2024-06-27 08:30:00的格式填写", shown(value))
}

fn is_excel_serial(value: &str) -> bool {
    let whole = value.split('.').next().unwrap_or_default();
    whole.len() == 5 && value.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

pub(super) fn bad_number(label: &str, value: Option<&str>, is_integer: bool) -> String {
    let what = if is_integer { "整数" } else { "数字" };
    format!("{label}{}不是{what}，请只填{what}，不带单位和文字", shown(value))
}

pub(super) fn bad_boolean(label: &str, value: Option<&str>) -> String {
    format!("{label}{}无法识别，请填“是”或“否”", shown(value))
}

pub(super) fn out_of_range(label: &str, minimum: Option<Bound>, maximum: Option<Bound>) -> String {
    let text = |bound: Bound| match bound {
        Bound::Number(value) => value.to_string(),
        Bound::Date(date) => date.to_string(),
    };
    let range = match (minimum, maximum) {
        (Some(minimum), Some(maximum)) => format!("{}至{}之间", text(minimum), text(maximum)),
        (Some(minimum), None) => format!("不小于{}的范围内", text(minimum)),
        (None, Some(maximum)) => format!("不大于{}的范围内", text(maximum)),
        (None, None) => "允许的范围内".to_owned(),
    };
    format!("{label}应在{range}，请核对")
}

pub(super) fn not_before(label: &str, other: &str) -> String {
    format!("{label}早于{other}，请核对两个时间")
}

pub(super) fn future_date(label: &str, as_of: &str) -> String {
    format!("{label}晚于数据日期{as_of}，请核对")
}

pub(super) fn too_long(label: &str, maximum: usize) -> String {
    format!("{label}超过{maximum}个字，请删减")
}

pub(super) fn too_short(label: &str, minimum: usize) -> String {
    format!("{label}不足{minimum}个字，请补全")
}

pub(super) fn bad_pattern(label: &str) -> String {
    format!("{label}不符合规定的格式，请核对后重填")
}

pub(super) fn control_character(label: &str) -> String {
    format!("{label}含有看不见的控制字符（如换行、制表符），请删去后重填")
}

pub(super) fn unknown_code(label: &str, list: &str, value: Option<&str>) -> String {
    format!("{label}{}不在代码表“{list}”中，请改用表中的名称或代码", shown(value))
}

/// Without the value: in a row that has slipped a column it may be anybody's name.
pub(super) fn unknown_operation() -> String {
    "操作类型无法识别，请填新增、变更或删除".to_owned()
}

pub(super) fn bad_id_number(label: &str, fault: IdNumberFault, length: usize) -> String {
    match fault {
        IdNumberFault::Length if length == 15 => format!("{label}是15位旧号码，请核对身份证原件改填18位号码"),
        IdNumberFault::Length => format!("{label}应为18位，现为{length}位，请核对身份证原件"),
        IdNumberFault::Characters => format!("{label}含有不该有的字符，只能是数字，末位可为X，请核对身份证原件"),
        IdNumberFault::BirthDate => format!("{label}中的出生日期不存在，请核对身份证原件"),
        IdNumberFault::CheckDigit => format!("{label}校验位不对，请核对身份证原件"),
    }
}

pub(super) fn disagrees(label: &str, number: &str) -> String {
    format!("{label}与{number}不一致，请核对身份证原件，改正其中填错的一项")
}

pub(super) fn bad_uscc(label: &str) -> String {
    format!("{label}不是有效的18位统一社会信用代码，请核对营业执照")
}

pub(super) fn bad_mobile(label: &str) -> String {
    format!("{label}不是有效的手机号码，应为1开头的11位数字，请核实")
}

pub(super) fn bad_phone(label: &str) -> String {
    format!("{label}既不是11位手机号码，也不是0731-8xxxxxxx形式的固定电话，请核实")
}

pub(super) fn unknown_reference(label: &str, table: &str, value: Option<&str>) -> String {
    format!("{label}{}在{table}中不存在，请核对编号，或先报送该记录", shown(value))
}

pub(super) fn replacement_character(label: &str) -> String {
    format!("{label}含有无法识别的乱码字符，请改正后用UTF-8或GB18030编码重新导出")
}

pub(super) fn ragged_row(found: u32, expected: usize) -> String {
    let what = if (found as usize) < expected { "少于" } else { "多于" };
    format!("本行有{found}列，{what}表头的{expected}列，可能是内容里有未加引号的分隔符或换行，请核对")
}

pub(super) fn stray_quote() -> String {
    "本行的引号不成对，可能与相邻的行连在了一起，请核对后重新导出".to_owned()
}

pub(super) fn duplicate_field(label: &str) -> String {
    format!("本行中“{label}”出现了两次，请只保留一个")
}

pub(super) fn lost_digits(label: &str) -> String {
    format!("{label}以数值形式保存，超过15位的数字已经失真，请把该列设为文本格式后重新填写")
}

pub(super) fn formula_error(label: &str) -> String {
    format!("{label}是出错的公式，请改填实际内容")
}
