//! Two texts, line by line: what a person reads of a page, a Word document or Markdown.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::Difference;
use crate::diagnostic::{Diagnostic, Result};

/// A page or a bulletin is some hundred kilobytes; its charts may make it a few million.
const TEXT_BYTES_MAX: u64 = 64 << 20;
/// Differing lines between two texts before they are taken for different texts altogether.
const DIFFERING_MAX: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Page,
    /// A Word document.
    Package,
}

/// The lines of a file that a person reads; lines without text are left out.
pub(super) fn read(path: &Path, kind: Kind) -> Result<Vec<String>> {
    let failed = |message: String| Diagnostic::error(message).in_file(path);
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(|error| failed(error.to_string()))?;
    match kind {
        Kind::Package => {
            let broken = || failed("is no Word document that can be read".to_owned());
            let mut archive = ZipArchive::new(BufReader::new(opened)).map_err(|_| broken())?;
            let part = archive.by_name("word/document.xml").map_err(|_| broken())?;
            part.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| broken())?;
        }
        Kind::Plain | Kind::Page => {
            opened.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        }
    }
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(failed(format!("holds more than the {TEXT_BYTES_MAX} bytes of text that are compared")));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("is no UTF-8 text".to_owned()))?;
    let lines = match kind {
        Kind::Plain => text.lines().map(str::to_owned).collect(),
        Kind::Page => page_lines(&text),
        Kind::Package => paragraphs(&text).ok_or_else(|| failed("is no Word document that can be read".to_owned()))?,
    };
    Ok(lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

/// The text of a page between its tags, a line per element; styles and scripts are nothing a person reads.
fn page_lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        lines.push(&rest[..open]);
        let skipped = ["style", "script"]
            .into_iter()
            .find(|name| rest.get(open + 1..open + 1 + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name)));
        rest = match skipped {
            Some(name) => rest[open..].find(&format!("</{name}")).map_or("", |at| &rest[open + at..]),
            None => &rest[open..],
        };
        rest = rest.find('>').map_or("", |close| &rest[close + 1..]);
    }
    lines.push(rest);
    lines.into_iter().map(|line| unescape(line).map_or_else(|_| line.to_owned(), |text| text.into_owned())).collect()
}

/// The text of each paragraph; cells of tables hold paragraphs of their own.
fn paragraphs(xml: &str) -> Option<Vec<String>> {
    let mut reader = Reader::from_str(xml);
    let (mut lines, mut line, mut inside) = (Vec::new(), String::new(), false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if tag.local_name().as_ref() == "t" => inside = true,
            Event::End(tag) if tag.local_name().as_ref() == "t" => inside = false,
            Event::End(tag) if tag.local_name().as_ref() == "p" => lines.push(std::mem::take(&mut line)),
            Event::Text(text) if inside => line.push_str(&text),
            Event::GeneralRef(entity) if inside => line.push_str(&unescape(&format!("&{};", &*entity)).ok()?),
            Event::Eof => return Some(lines),
            _ => {}
        }
    }
}

pub(super) fn compare(old: &[String], new: &[String]) -> Vec<Difference> {
    let differing = differing(old, new).into_iter();
    let differences = differing.filter_map(|Differing { old: before, new: after }| {
        Some(Difference {
            place: format!("line {}", after.or(before)? + 1),
            old: before.and_then(|at| old.get(at)).cloned(),
            new: after.and_then(|at| new.get(at)).cloned(),
            ..Difference::default()
        })
    });
    differences.collect()
}

/// The places of two texts that stand against each other; one of them where the other text has nothing there.
pub(super) struct Differing {
    pub old: Option<usize>,
    pub new: Option<usize>,
}

pub(super) fn differing(old: &[String], new: &[String]) -> Vec<Differing> {
    let mut found = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    let mut ends = common(old, new);
    ends.push((old.len(), new.len()));
    for (old_end, new_end) in ends {
        // What stands between two common lines: the first of one side against the first of the other, and so on.
        for offset in 0..(old_end - old_at).max(new_end - new_at) {
            let (before, after) = (old_at + offset, new_at + offset);
            found
                .push(Differing { old: (before < old_end).then_some(before), new: (after < new_end).then_some(after) });
        }
        (old_at, new_at) = (old_end + 1, new_end + 1);
    }
    found
}

/// The places of lines that both texts have in common, in order: Myers' shortest edit. Texts that have next to nothing
/// in common have only their first lines compared.
pub(super) fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    pairs.extend(shortest(a, b).into_iter().map(|(x, y)| (head + x, head + y)));
    pairs.extend((0..tail).rev().map(|back| (old.len() - 1 - back, new.len() - 1 - back)));
    pairs
}

fn shortest(a: &[String], b: &[String]) -> Vec<(usize, usize)> {
    let limit = (a.len() + b.len()).min(DIFFERING_MAX);
    // How far each diagonal has been followed, after so many differing lines.
    let mut reached: Vec<Vec<usize>> = Vec::new();
    let offset = limit + 1;
    let mut furthest = vec![0_usize; 2 * limit + 3];
    for differing in 0..=limit {
        reached.push(furthest.clone());
        let mut diagonal = -(differing as isize);
        while diagonal <= differing as isize {
            let at = (offset as isize + diagonal) as usize;
            let is_down = diagonal == -(differing as isize)
                || diagonal != differing as isize && furthest[at - 1] < furthest[at + 1];
            let mut x = if is_down { furthest[at + 1] } else { furthest[at - 1] + 1 };
            let mut y = (x as isize - diagonal) as usize;
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[at] = x;
            if x >= a.len() && y >= b.len() {
                return walked_back(a, b, &reached, offset);
            }
            diagonal += 2;
        }
    }
    Vec::new()
}

/// The common lines on the way that [`shortest`] has found.
fn walked_back(a: &[String], b: &[String], reached: &[Vec<usize>], offset: usize) -> Vec<(usize, usize)> {
    let (mut x, mut y) = (a.len() as isize, b.len() as isize);
    let mut pairs = Vec::new();
    for (differing, furthest) in reached.iter().enumerate().rev() {
        let (diagonal, differing) = (x - y, differing as isize);
        let at = (offset as isize + diagonal) as usize;
        let is_down = diagonal == -differing || diagonal != differing && furthest[at - 1] < furthest[at + 1];
        let before = if is_down { diagonal + 1 } else { diagonal - 1 };
        let start = furthest[(offset as isize + before) as usize] as isize;
        let (start_x, start_y) = (start, start - before);
        let (after_x, after_y) = if is_down { (start_x, start_y + 1) } else { (start_x + 1, start_y) };
        let (floor_x, floor_y) = if differing == 0 { (0, 0) } else { (after_x, after_y) };
        while x > floor_x && y > floor_y {
            (x, y) = (x - 1, y - 1);
            pairs.push((x as usize, y as usize));
        }
        if differing > 0 {
            (x, y) = (start_x, start_y);
        }
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(old: &str, new: &str) -> Vec<String> {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "—".into());
        let found = compare(&lines(old), &lines(new));
        found.iter().map(|d| format!("{} {} {}", d.place, show(&d.old), show(&d.new))).collect()
    }

    #[test]
    fn lines_are_compared_in_order() {
        assert_eq!(compared("a b c d", "a b c d"), [""; 0]);
        assert_eq!(compared("a b c d", "a x c d e"), ["line 2 b x", "line 5 — e"]);
        assert_eq!(compared("a b c d", "b c d"), ["line 1 a —"]);
        assert_eq!(compared("", "a"), ["line 1 — a"]);
        assert_eq!(compared("a b a b c", "b a c b c"), ["line 1 a —", "line 3 — c"]);
        assert_eq!(compared("a b c", "x y z"), ["line 1 a x", "line 2 b y", "line 3 c z"]);
    }

    /// Whatever the texts, taking the common lines out of both leaves what was told.
    #[test]
    fn nothing_is_left_out() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let (old_length, new_length) = (random(12), random(12));
            let mut text = |length: u64| (0..length).map(|_| random(4).to_string()).collect::<Vec<String>>();
            let (old, new) = (text(old_length), text(new_length));
            let pairs = common(&old, &new);
            assert!(pairs.iter().all(|(x, y)| old[*x] == new[*y]), "{old:?} {new:?} {pairs:?}");
            assert!(
                pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1),
                "{old:?} {new:?} {pairs:?}"
            );
            let found = compare(&old, &new);
            assert_eq!(found.iter().filter(|d| d.old.is_some()).count(), old.len() - pairs.len(), "{old:?} {new:?}");
            assert_eq!(found.iter().filter(|d| d.new.is_some()).count(), new.len() - pairs.len(), "{old:?} {new:?}");
        }
    }

    #[test]
    fn of_a_page_what_is_read_counts() {
        let page = "<html><style>p { color: red }</style><p>办结率 &lt; 98%</p><script>x</script><td>1</td></html>";
        let lines: Vec<String> = page_lines(page).into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["办结率 < 98%", "1"]);
    }

    #[test]
    fn paragraphs_of_a_document_are_lines() {
        let xml = "<w:document xmlns:w=\"a\"><w:p><w:r><w:t>一、</w:t></w:r><w:r><w:t>概况 &amp; 其他</w:t></w:r></w:p><w:p/>\
                   <w:tbl><w:tc><w:p><w:t>3</w:t></w:p></w:tc></w:tbl></w:document>";
        assert_eq!(paragraphs(xml), Some(vec!["一、概况 & 其他".to_owned(), "3".to_owned()]));
        assert_eq!(paragraphs("<a><b"), None);
    }
}
