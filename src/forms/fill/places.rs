//! Whom forms are filled for: communities, and their grids.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::AsArray as _;

use crate::diagnostic::{Context as _, Diagnostic, Result, did_you_mean};
use crate::query::Session;

/// A community, or one of its grids where collection sheets go out by grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Community {
    pub code: String,
    pub name: String,
    pub subdistrict: String,
}

impl Community {
    /// Digits of a community's code (NBS); a grid's has three more.
    pub(in crate::forms) const DIGITS: usize = 12;

    pub fn is_grid(&self) -> bool {
        self.code.len() > Self::DIGITS
    }

    /// The code of the community, also of a grid.
    pub fn community_code(&self) -> &str {
        self.code.get(..Self::DIGITS).unwrap_or(&self.code)
    }
}

/// The grids of communities, in code order.
///
/// # Errors
/// `stg_grids` cannot be queried.
pub async fn grids(session: &Session, communities: &[Community]) -> Result<Vec<Community>> {
    let doing = "reading the grids";
    let utf8 = &arrow::datatypes::DataType::Utf8;
    let wanted: BTreeSet<&str> = communities.iter().map(|community| community.code.as_str()).collect();
    let mut grids = Vec::new();
    for batch in
        session.fetch("SELECT grid_code, grid_name, subdistrict_name FROM stg_grids ORDER BY grid_code").await?
    {
        let column = |at: usize| arrow::compute::cast(batch.column(at), utf8).doing(doing);
        let (codes, names, subdistricts) = (column(0)?, column(1)?, column(2)?);
        let text = |array: &arrow::array::ArrayRef, row: usize| array.as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let grid =
                Community { code: text(&codes, row), name: text(&names, row), subdistrict: text(&subdistricts, row) };
            grids.extend(wanted.contains(grid.community_code()).then_some(grid));
        }
    }
    Ok(grids)
}

/// Communities in code order: all, or those a name or code stands for, a subdistrict's among them.
///
/// # Errors
/// Nothing is called so.
pub async fn communities(session: &Session, wanted: Option<&str>) -> Result<Vec<Community>> {
    let sql = "SELECT community_code, community_name, subdistrict_name, subdistrict_code FROM stg_communities \
               ORDER BY community_code";
    let mut all = Vec::new();
    for batch in session.fetch(sql).await? {
        let column = |at: usize| arrow::compute::cast(batch.column(at), &arrow::datatypes::DataType::Utf8);
        let columns = [column(0), column(1), column(2), column(3)];
        let [Ok(codes), Ok(names), Ok(subdistricts), Ok(subdistrict_codes)] = columns else { continue };
        let text = |array: &arrow::array::ArrayRef, row: usize| array.as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let (code, name, subdistrict) = (text(&codes, row), text(&names, row), text(&subdistricts, row));
            let is_wanted = wanted.is_none_or(|wanted| {
                let names = [&code, &name, &subdistrict, &text(&subdistrict_codes, row)];
                names.iter().any(|name| name.as_str() == wanted)
            });
            all.push((is_wanted, Community { code, name, subdistrict }));
        }
    }
    let known: Vec<String> = all.iter().map(|(_, community)| community.name.clone()).collect();
    let chosen: Vec<Community> = all.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, one)| one).collect();
    match wanted {
        Some(wanted) if chosen.is_empty() => {
            let problem = Diagnostic::error(format!("no community or subdistrict is called `{wanted}`"));
            Err(match did_you_mean(wanted, known.iter().map(String::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("name it as in stg_communities, or give its code"),
            })
        }
        _ => Ok(chosen),
    }
}

/// Makes something for each community on all cores; results in their order.
pub(in crate::forms) fn for_each_community<T: Send>(
    communities: &[Community],
    workers: usize,
    make: impl Fn(&Community) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(community) = communities.get(at) else { return Ok(done) };
            done.push((at, make(community)?));
        }
    };
    let results: Vec<Result<Vec<(usize, T)>>> = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(work)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    });
    let mut made = Vec::new();
    for result in results {
        made.extend(result?);
    }
    if made.len() < communities.len() {
        return Err(Diagnostic::unexpected("a thread that makes workbooks ended early"));
    }
    made.sort_by_key(|(at, _)| *at);
    Ok(made.into_iter().map(|(_, one)| one).collect())
}
