//! The front matter of a summary template: which official layout the text takes, and what stands around it.
//!
//! ```text
//! ---
//! layout: bulletin
//! issue: 第{period_number}期
//! ---
//! ```
//!
//! Read and checked when the report is loaded, filled with names when it is made.

use std::path::Path;

use serde::Deserialize;

use crate::report::Problem;
use crate::report::wording::Names;
use crate::report::yaml::{self, Spanned};

/// The shape of the page, after GB/T 9704-2012.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::report) enum Layout {
    /// A plain report: title, sender and day, text.
    #[default]
    Plain,
    /// 简报、专报: masthead, issue number, sender and day over a red rule.
    Bulletin,
    /// 公文: red head, document number, recipients, signature, 版记.
    Official,
}

/// As written; every text may mention names in braces.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::report) struct FrontMatter {
    pub layout: Layout,
    /// 发文机关标志 or 简报名称, in red: 长沙市开福区网格化综合服务中心文件
    pub masthead: Option<Spanned<String>>,
    /// 发文字号: 开网格〔2024〕5号
    pub number: Option<Spanned<String>>,
    /// 期号: 第12期
    pub issue: Option<Spanned<String>>,
    /// 编发单位 or 发文机关署名; the office when not given.
    pub sender: Option<Spanned<String>>,
    /// 签发人, of documents that go upwards.
    pub signatory: Option<Spanned<String>>,
    /// 主送机关
    pub recipients: Option<Spanned<String>>,
    /// 附件说明, in order.
    pub attachments: Vec<Spanned<String>>,
    /// 成文日期; the day the report is made when not given.
    pub date: Option<Spanned<String>>,
    /// 抄送
    pub copies: Option<Spanned<String>>,
    /// 印发机关
    pub printed_by: Option<Spanned<String>>,
    /// 印发日期, without the word 印发.
    pub printed_on: Option<Spanned<String>>,
    /// Whether headings are counted 一、（一）1.（1）; they are unless this says no.
    pub numbered: Option<bool>,
}

/// The front matter of one document, names filled in and everything worded as it is printed.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Front {
    pub layout: Layout,
    /// Empty in a plain report.
    pub masthead: String,
    pub number: Option<String>,
    pub issue: Option<String>,
    pub sender: String,
    pub signatories: Vec<String>,
    /// With its colon.
    pub recipients: Option<String>,
    pub attachments: Vec<String>,
    pub date: String,
    pub imprint: Option<Imprint>,
    pub is_numbered: bool,
}

/// 版记
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::report) struct Imprint {
    /// 抄送, with label and full stop.
    pub copies: Option<String>,
    pub printed_by: String,
    /// With the word 印发.
    pub printed_on: String,
}

impl FrontMatter {
    /// The front matter of a template and the text below it, front matter blanked so that lines keep their numbers.
    pub(in crate::report) fn split(path: &Path, source: &str) -> Result<(Self, String), Problem> {
        let Some(rest) = source.strip_prefix("---\n").or_else(|| source.strip_prefix("---\r\n")) else {
            return Ok((Self::default(), source.to_owned()));
        };
        let mut length = source.len() - rest.len();
        let mut lines = rest.split_inclusive('\n');
        let closing = lines.by_ref().map(|line| {
            let at = length;
            length += line.len();
            (at, line.trim_end())
        });
        let Some((end, _)) = closing.into_iter().find(|(_, line)| *line == "---") else {
            return Err(Problem::new(path, "the front matter has no end")
                .at(1, 1)
                .hint("close it with a line that holds only `---`"));
        };
        let yaml = format!("\n{}", &source[source.len() - rest.len()..end]);
        let front = if yaml.trim().is_empty() { Self::default() } else { yaml::parse(path, &yaml)? };
        let blank: String = source[..length].chars().filter(|sign| *sign == '\n').collect();
        Ok((front, blank + &source[length..]))
    }

    /// Every text that may mention names in braces.
    pub(in crate::report) fn texts(&self) -> impl Iterator<Item = &Spanned<String>> {
        [
            &self.masthead,
            &self.number,
            &self.issue,
            &self.sender,
            &self.signatory,
            &self.recipients,
            &self.date,
            &self.copies,
            &self.printed_by,
            &self.printed_on,
        ]
        .into_iter()
        .flatten()
        .chain(&self.attachments)
    }

    pub(in crate::report) fn fill(&self, names: &Names) -> Front {
        let filled = |text: &Option<Spanned<String>>| {
            text.as_ref().map(|text| names.fill(&text.value).trim().to_owned()).filter(|text| !text.is_empty())
        };
        let sender = filled(&self.sender).unwrap_or_else(|| names.fill("{office}"));
        let date = filled(&self.date).unwrap_or_else(|| names.fill("{made_on}"));
        let masthead = match self.layout {
            Layout::Plain => String::new(),
            Layout::Bulletin => filled(&self.masthead).unwrap_or_else(|| "简　报".to_owned()),
            Layout::Official => filled(&self.masthead).unwrap_or_else(|| format!("{sender}文件")),
        };
        let (copies, printed_by, printed_on) =
            (filled(&self.copies), filled(&self.printed_by), filled(&self.printed_on));
        let has_imprint = match self.layout {
            Layout::Plain => false,
            Layout::Bulletin => copies.is_some() || printed_by.is_some() || printed_on.is_some(),
            Layout::Official => true,
        };
        let imprint = has_imprint.then(|| Imprint {
            copies: copies.as_deref().map(copies_line),
            printed_by: printed_by.unwrap_or_else(|| sender.clone()),
            printed_on: format!("{}印发", printed_on.unwrap_or_else(|| date.clone()).trim_end_matches("印发")),
        });
        Front {
            layout: self.layout,
            masthead,
            number: filled(&self.number).map(|number| document_number(&number)),
            issue: filled(&self.issue),
            signatories: filled(&self.signatory).map_or_else(Vec::new, |names| {
                names.split(['、', '　', ' ', '，', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
            }),
            recipients: filled(&self.recipients).map(|text| format!("{}：", text.trim_end_matches(['：', ':']))),
            attachments: self
                .attachments
                .iter()
                .map(|text| names.fill(&text.value).trim().trim_end_matches(['。', '；', '，', ';']).to_owned())
                .filter(|text| !text.is_empty())
                .collect(),
            sender,
            date,
            imprint,
            is_numbered: self.numbered.unwrap_or(true),
        }
    }
}

/// 抄送：甲，乙。 A bulletin may name its readers with labels of its own.
fn copies_line(text: &str) -> String {
    let is_labelled = ["抄送", "报送", "分送", "报", "送", "发"]
        .iter()
        .any(|label| text.strip_prefix(label).is_some_and(|rest| rest.starts_with(['：', ':'])));
    let label = if is_labelled { "" } else { "抄送：" };
    format!("{label}{}。", text.trim_end_matches('。'))
}

/// A document number with the brackets of the standard, without 第 and leading zeros: 开网格〔2024〕5号.
fn document_number(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|sign| match sign {
            '[' | '［' | '【' | '（' | '(' => '〔',
            ']' | '］' | '】' | '）' | ')' => '〕',
            sign => sign,
        })
        .collect();
    match text.rsplit_once('〕') {
        Some((before, number)) => {
            let number = number.trim().trim_start_matches('第').trim_start_matches('0');
            format!("{before}〕{number}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_front_matter_is_all_text() {
        let (front, text) = FrontMatter::split(Path::new("summary.md.j2"), "## 一\n\n---\n").unwrap_or_default();
        assert_eq!((front.layout, text.as_str()), (Layout::Plain, "## 一\n\n---\n"));
    }

    #[test]
    fn front_matter_is_read_and_lines_keep_their_numbers() {
        let source = "---\nlayout: official\nnumber: 开网格〔2024〕5号\n---\n正文\n";
        let (front, text) = FrontMatter::split(Path::new("summary.md.j2"), source).unwrap_or_default();
        assert_eq!(front.layout, Layout::Official);
        assert_eq!(front.number.map(|number| number.value).as_deref(), Some("开网格〔2024〕5号"));
        assert_eq!(text, "\n\n\n\n正文\n");
    }

    #[test]
    fn texts_are_worded_as_they_are_printed() {
        let names = Names::default()
            .with(&[("office".to_owned(), "网格中心".to_owned()), ("made_on".to_owned(), "2024年6月28日".to_owned())]);
        let filled = |source: &str| {
            let source = format!("---\n{source}\n---\n");
            FrontMatter::split(Path::new("summary.md.j2"), &source).unwrap_or_default().0.fill(&names)
        };
        let front = filled(
            "layout: official\nnumber: 开网格[2024]第005号\nrecipients: '各街道办事处:'\n\
             attachments: [情况表。]\ncopies: 区委办，区政府办\nsignatory: 张三　李四",
        );
        assert_eq!(front.masthead, "网格中心文件");
        assert_eq!(front.number.as_deref(), Some("开网格〔2024〕5号"));
        assert_eq!(front.recipients.as_deref(), Some("各街道办事处："));
        assert_eq!(
            (front.attachments, front.signatories),
            (vec!["情况表".to_owned()], vec!["张三".into(), "李四".into()])
        );
        let imprint = front.imprint.unwrap_or_default();
        assert_eq!(imprint.copies.as_deref(), Some("抄送：区委办，区政府办。"));
        assert_eq!((imprint.printed_by.as_str(), imprint.printed_on.as_str()), ("网格中心", "2024年6月28日印发"));
        assert_eq!(filled("layout: bulletin").imprint, None);
        let imprint = filled("layout: bulletin\ncopies: 报：区委。送：各街道").imprint.unwrap_or_default();
        assert_eq!(imprint.copies.as_deref(), Some("报：区委。送：各街道。"));
        assert_eq!((filled("").masthead.as_str(), filled("").imprint), ("", None));
    }

    #[test]
    fn mistakes_are_found_at_their_place() {
        let problem = |source: &str| match FrontMatter::split(Path::new("s.md.j2"), source) {
            Ok(_) => String::new(),
            Err(problem) => problem.to_string(),
        };
        assert!(problem("---\nlayout: plain\n").contains("s.md.j2:1:1: the front matter has no end"));
        assert!(
            problem("---\nlayout: plain\nisue: 1\n---\n").starts_with("s.md.j2:3:1"),
            "{}",
            problem("---\nlayout: plain\nisue: 1\n---\n")
        );
    }
}
