//! Texts of a form as words: labels, numbers of columns, units.

use crate::contract::folded_name;
use crate::district::identifiers::SURNAMES;

const UNITS: &[&str] = &[
    "人",
    "万人",
    "人次",
    "户",
    "户次",
    "套",
    "间",
    "个",
    "家",
    "件",
    "次",
    "起",
    "例",
    "宗",
    "处",
    "栋",
    "幢",
    "座",
    "层",
    "元",
    "千元",
    "万元",
    "亿元",
    "元/月",
    "平方米",
    "万平方米",
    "平米",
    "㎡",
    "m²",
    "亩",
    "米",
    "公里",
    "岁",
    "周岁",
    "%",
    "‰",
    "项",
    "条",
    "辆",
    "台",
    "部",
    "具",
    "名",
    "对",
    "份",
    "册",
    "张",
    "年",
    "月",
    "个月",
    "天",
    "日",
    "小时",
    "分钟",
    "分",
    "吨",
    "立方米",
    "平方公里",
    "公顷",
    "场",
    "场次",
    "家次",
    "车次",
    "头",
    "只",
    "篇",
    "期",
    "组",
    "支",
    "床",
    "桶",
];
/// Units of time are names of columns as well: 年, 月, 日.
const OF_TIME: &[&str] = &["年", "月", "日", "天", "个月", "小时", "分钟", "分"];

/// Whether a heading by itself gives the unit of the one above it: 低保对象 with 户 and 人 below.
pub(super) fn is_unit_heading(text: &str) -> bool {
    is_unit(text) && !OF_TIME.contains(&text.trim())
}

pub(super) fn is_unit(text: &str) -> bool {
    UNITS.contains(&text.trim())
}

/// A heading's words, the unit in brackets at its end, and what may be chosen there: `面积（平方米）`, `性别（男/女）`,
/// `居住类型（1自有 2租住）`, `需求（可多选）`, `姓名*`.
pub(super) fn heading(text: &str) -> (String, Option<String>, Vec<String>) {
    const ASIDES: &[&str] = &["必填", "选填", "可多选", "多选", "单选", "可选", "限选一项", "见说明", "见批注"];
    let (mut unit, mut choices) = (None, Vec::new());
    let mut name = joined(text);
    // `户别` with `1.家庭户 2.集体户` on the next line.
    if let Some((first, below)) = name.split_once(' ').filter(|(_, below)| below.starts_with('1')) {
        let listed = codes(below);
        if !listed.is_empty() {
            (name, choices) = (first.to_owned(), listed);
        }
    }
    loop {
        let trimmed = name.trim_end_matches(['*', '＊', '※', '★', '：', ':']).trim_end();
        let trimmed =
            trimmed.trim_end_matches(|sign: char| ('①'..='⑳').contains(&sign)).trim_start_matches(['*', '＊', '★']);
        let parts = trimmed.strip_suffix(['）', ')']).and_then(|rest| rest.rsplit_once(['（', '(']));
        let (rest, inside) = parts.unwrap_or((trimmed, ""));
        let inside = inside.trim().trim_start_matches("单位：").trim_start_matches("单位:");
        let listed = listed(inside);
        if rest.is_empty() || parts.is_none() {
            return (trimmed.to_owned(), unit, choices);
        } else if unit.is_none() && is_unit(inside) {
            unit = Some(inside.to_owned());
        } else if choices.is_empty() && !listed.is_empty() {
            choices = listed;
        } else if !ASIDES.contains(&inside) {
            return (trimmed.to_owned(), unit, choices);
        }
        name = rest.trim().to_owned();
    }
}

/// `男/女`, or the codes of [`codes`].
fn listed(inside: &str) -> Vec<String> {
    const ANSWERS: &[&str] = &["是", "否", "有", "无", "男", "女", "√", "×", "合格", "好", "优", "已", "能"];
    let parts: Vec<&str> = inside.split(['/', '／']).map(str::trim).collect();
    if (2..=6).contains(&parts.len())
        && parts.iter().all(|part| (1..=6).contains(&part.chars().count()))
        && parts.iter().any(|part| ANSWERS.contains(part))
    {
        return parts.iter().map(|part| (*part).to_owned()).collect();
    }
    codes(inside)
}

/// `1自有 2租住 3寄居` or `1.是；2.否` as `1自有`, `2租住`, `3寄居`; nothing unless the numbers rise.
pub(super) fn codes(text: &str) -> Vec<String> {
    const LONGEST: usize = 20;
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|sign: char| sign.is_ascii_digit()) {
        rest = &rest[at..];
        let digits = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start_matches(|sign: char| sign.is_whitespace() || ".．、:：-—=）)".contains(sign));
        let ends =
            after.find(|sign: char| sign.is_ascii_digit() || sign.is_whitespace() || ";；,，、。/|".contains(sign));
        let (word, after) = after.split_at(ends.unwrap_or(after.len()));
        rest = after;
        if let Ok(number) = number.parse() {
            found.push((number, word.to_owned()));
        }
    }
    let rises = found.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let is_worded = |word: &str| (1..=LONGEST).contains(&word.chars().count());
    if found.len() < 2 || !rises || !found.iter().all(|(_, word)| is_worded(word)) {
        return Vec::new();
    }
    found.into_iter().map(|(number, word)| format!("{number}{word}")).collect()
}

/// What can be ticked: `□男　□女`.
pub(super) fn boxes(text: &str) -> Vec<String> {
    let parts = text.split(BOXES).skip(1).map(|part| joined(part).trim_end_matches(['、', '，', '；', ' ']).to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

const BOXES: [char; 5] = ['□', '☐', '☑', '■', '○'];

/// Whether something is to be filled in there, though it is not empty: boxes to tick, `　年　月　日`, `（盖章）`, a unit.
pub(in crate::forms) fn is_blank(text: &str) -> bool {
    let text: String = text.chars().filter(|sign| !sign.is_whitespace() && !"_＿".contains(*sign)).collect();
    text.is_empty()
        || text.contains(BOXES)
        || text.chars().all(|sign| "年月日时分".contains(sign))
        || is_unit(&text)
        || text.starts_with('（') && text.ends_with('）') && text.chars().count() <= 8
        || is_for_hand(&text)
}

/// Whether something is left for hand and seal: `负责人签字：　（公章）　　年　月　日`.
pub(in crate::forms) fn is_for_hand(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "单位",
        "部门",
        "社区",
        "街道",
        "村（居）委会",
        "居委会",
        "主要",
        "分管",
        "领导",
        "负责人",
        "经办人",
        "审核人",
        "审批人",
        "调查人",
        "检查人",
        "申请人",
        "本人",
        "签字",
        "签名",
        "签章",
        "盖章",
        "公章",
        "（章）",
    ];
    let mut text: String = text.chars().filter(|sign| !sign.is_whitespace() && !"_＿".contains(*sign)).collect();
    let has_place = ["签字", "签名", "签章", "盖章", "公章"].iter().any(|word| text.contains(word));
    let ends_open = text.ends_with(['：', ':', '日', '）', ')']);
    WORDS.iter().for_each(|word| text = text.replace(word, ""));
    has_place && ends_open && text.chars().all(|sign| "年月日时分：:（）()、，,".contains(sign))
}

/// Words in the headings of columns that tell of one person or one place.
const PERSONAL: &[&str] = &[
    "姓名",
    "性别",
    "民族",
    "出生",
    "证件",
    "身份证",
    "身份号码",
    "电话",
    "手机",
    "联系方式",
    "住址",
    "地址",
    "户籍",
    "职业",
    "学历",
    "文化程度",
    "婚姻",
    "政治面貌",
    "户主",
    "法定代表人",
    "法人",
    "负责人",
    "经营者",
    "业主",
    "店名",
    "门店",
    "企业名称",
    "单位名称",
    "场所名称",
    "名单",
    "监护人",
    "网格员",
    "人员姓名",
    "责任人",
    "干部",
    "领导",
    "志愿者",
    "对象",
    "住户",
    "户名",
    "农户",
    "楼栋长",
    "楼长",
    "组长",
    "书记",
    "主任",
    "学生",
    "联系人",
    "当事人",
    "值班人",
];

/// Whether a text may be the name of a person, whatever stands above it.
pub(super) fn is_like_a_name(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    (2..=3).contains(&signs.len())
        && signs.iter().all(|sign| ('\u{4e00}'..='\u{9fff}').contains(sign))
        && SURNAMES.contains(signs[0])
        && !is_known_label(text)
}

/// Whether a heading asks for something of one person or one place, so that what stands below it is nobody's business.
pub(super) fn is_personal(heading: &str) -> bool {
    PERSONAL.iter().any(|word| heading.contains(word))
}

/// Whether a text is like what forms call their items, and unlike what is filled in: `与户主关系`.
pub(super) fn is_known_label(text: &str) -> bool {
    const ENDS: &[&str] = &[
        "姓名",
        "性别",
        "年龄",
        "民族",
        "日期",
        "时间",
        "号码",
        "证号",
        "编号",
        "代码",
        "电话",
        "手机",
        "手机号",
        "方式",
        "地址",
        "住址",
        "户籍地",
        "居住地",
        "面积",
        "人数",
        "户数",
        "类别",
        "类型",
        "状况",
        "情况",
        "关系",
        "程度",
        "面貌",
        "名称",
        "等级",
        "意见",
        "结果",
        "备注",
        "签字",
        "序号",
        "店名",
        "数量",
        "项目",
        "内容",
        "期限",
        "措施",
        "标准",
        "要求",
        "问题",
        "单位",
        "职业",
        "学历",
        "需求",
        "用途",
    ];
    let text = heading(text).0;
    text.chars().count() <= 12 && ENDS.iter().any(|end| text.ends_with(end))
}

/// A text in which no number of a person is left.
pub(super) fn without_numbers(text: &str) -> String {
    const LONGEST: usize = 10;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|sign: char| sign.is_ascii_digit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(rest.len());
        out.push_str(if end > LONGEST { "…" } else { &rest[..end] });
        rest = &rest[end..];
    }
    out + rest
}

/// A text without the blanks and line breaks that only set it: `单 位` and `联系\n电话`.
pub(super) fn joined(text: &str) -> String {
    let is_han = |sign: char| ('\u{2e80}'..='\u{9fff}').contains(&sign) || "（）：、，。；□☐".contains(sign);
    let signs: Vec<char> = text.trim().chars().collect();
    let mut out = String::new();
    for (at, sign) in signs.iter().enumerate() {
        if !sign.is_whitespace() {
            out.push(*sign);
            continue;
        }
        let before = signs[..at].iter().rev().find(|sign| !sign.is_whitespace());
        let after = signs[at..].iter().find(|sign| !sign.is_whitespace());
        let between_han = before.is_some_and(|sign| is_han(*sign)) && after.is_some_and(|sign| is_han(*sign));
        if !between_han && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// Words, neither a number nor a date nor the number of a person: `0—14岁` is one, `14岁` is not.
pub(super) fn is_label(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let words: String =
        signs.iter().filter(|sign| !sign.is_ascii_digit() && !"—-–~～至.,．，/:：".contains(**sign)).collect();
    let digits = signs.iter().filter(|sign| sign.is_ascii_digit()).count();
    let is_range = text.contains(['—', '-', '–', '~', '～', '至']);
    let is_amount = signs.first().is_some_and(char::is_ascii_digit)
        && (is_unit(&words) && !is_range || words.chars().all(|sign| "年月日时分秒".contains(sign)));
    let is_of_digits = digits * 2 >= signs.len() && !(is_unit(&words) && is_range);
    !words.is_empty() && signs.len() <= LABEL_SIGNS_MAX && !is_amount && !is_of_digits
}

const LABEL_SIGNS_MAX: usize = 120;

/// `甲`, `3`, `3=1+2`.
pub(super) fn is_number(text: &str) -> bool {
    let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let is_letter = ["甲", "乙", "丙", "丁", "戊", "己", "—", "-"].contains(&text.as_str());
    let is_formula = |sign: char| sign.is_ascii_digit() || "=＝+＋-－—×÷*/%（）()".contains(sign);
    is_letter
        || !text.is_empty()
            && text.chars().count() <= 24
            && text.chars().all(is_formula)
            && text.starts_with(|c: char| c.is_ascii_digit() || c == '（' || c == '(')
}

/// A heading without what only sets it: `（一）公民身份号码*` is `公民身份号码`, `0—14 岁` is `0-14岁`.
pub(in crate::forms) fn folded(text: &str) -> String {
    let signs = folded_name(text).chars().filter(|sign| *sign != '/').collect::<Vec<char>>();
    let text: String = signs.into_iter().map(|sign| if "—–－~～至".contains(sign) { '-' } else { sign }).collect();
    let text = text.trim_matches(['*', '※', '#', '△', '▲', ':', ',', '.', '、', '。', '"', '“', '”', '\'']);
    let ordinals = |sign: char| sign.is_ascii_digit() || "一二三四五六七八九十()".contains(sign);
    let rest = text.trim_start_matches(ordinals);
    let is_ordinal = rest.len() < text.len()
        && (rest.starts_with(['、', '.', ',']) || text[..text.len() - rest.len()].ends_with(')'))
        && text[..text.len() - rest.len()].chars().count() <= 4;
    let text = if is_ordinal { rest.trim_start_matches(['、', '.', ',']) } else { text };
    // `按年龄分:0-14岁` is the first of several rows.
    let below = text.strip_prefix('按').and_then(|rest| rest.split_once("分:")).map(|(_, rest)| rest);
    below.or_else(|| text.strip_prefix("其中:")).unwrap_or(text).to_owned()
}

/// A choice without the code before it: `2.租住` is `租住`.
pub(in crate::forms) fn without_code(choice: &str) -> &str {
    choice.trim_start_matches(|sign: char| sign.is_ascii_digit() || ".、．- ".contains(sign))
}
