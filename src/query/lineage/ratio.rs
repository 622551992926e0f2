//! Which columns of a view are divided by each other to make another one.

use datafusion::sql::sqlparser::ast::Expr;

use super::block::Block;
use super::book::{Book, Relation};
use super::names::column;
use super::shape::{Shape, number, shape};
use crate::contract::Contracts;
use crate::query::session::Session;

/// Of each view and column the numerator and the denominator, where both are columns of the same view.
pub fn ratios(session: &Session, columns: &[(String, String)]) -> Vec<Option<(String, String)>> {
    let views: Vec<&str> = columns.iter().map(|(view, _)| view.as_str()).collect();
    // Keys of tables are not asked for.
    let Ok(book) = Book::read(session, &Contracts::default(), &views) else { return vec![None; columns.len()] };
    columns.iter().map(|(view, column)| book.ratio_of(view, column)).collect()
}

impl Book<'_> {
    fn ratio_of(&self, view: &str, column: &str) -> Option<(String, String)> {
        let (blocks, _) = self.blocks(&Relation::View(self.view(view)?)).ok()?;
        let block = blocks.first()?;
        let (numerator, denominator) = self.ratio(block, &block.item(column)?.expr)?;
        Some((same_column(block, &numerator)?, same_column(block, &denominator)?))
    }

    /// What a column is divided of, through the columns that only hand it on.
    fn ratio(&self, block: &Block<'_>, expr: &Expr) -> Option<(Expr, Expr)> {
        match shape(block, expr) {
            Shape::Ratio(numerator, denominator) => Some((numerator.clone(), denominator.clone())),
            Shape::Same(inner) => self.ratio(block, inner),
            Shape::Product(left, right) if number(left).is_some() => self.ratio(block, right),
            Shape::Column(alias, name) => {
                let source = block.source(alias)?;
                let (blocks, _) = self.blocks(&source.relation).ok()?;
                let inner = blocks.first()?;
                let (numerator, denominator) = self.ratio(inner, &inner.item(name)?.expr)?;
                // In the names of this block.
                let named = |expr: &Expr| {
                    let item = inner.item_of(expr)?;
                    Some(column(alias, &item.name))
                };
                Some((named(&numerator)?, named(&denominator)?))
            }
            _ => None,
        }
    }
}

/// The column of the outcome that is just this expression.
fn same_column(block: &Block<'_>, expr: &Expr) -> Option<String> {
    if let Some(item) = block.item_of(expr) {
        return Some(item.name.clone());
    }
    match shape(block, expr) {
        Shape::Same(inner) => same_column(block, inner),
        Shape::First(all) => same_column(block, all.first()?),
        _ => None,
    }
}
