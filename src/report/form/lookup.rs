//! Which column a name means where several show it: the one nearest in the header tree.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Found {
    One(usize),
    Nothing,
    Several,
}

/// The candidate whose path has most in common with `from`. A path is the way from the root of the header tree to a
/// column: children by number and, below a repeated node, its value by number.
pub(in crate::report) fn nearest<'a>(
    from: &[usize],
    candidates: impl IntoIterator<Item = (usize, &'a [usize])>,
) -> Found {
    let mut found = Found::Nothing;
    let mut longest = 0;
    for (candidate, path) in candidates {
        let shared = shared(from, path);
        if found == Found::Nothing || shared > longest {
            (found, longest) = (Found::One(candidate), shared);
        } else if shared == longest {
            found = Found::Several;
        }
    }
    found
}

/// How much two paths have in common.
pub(in crate::report) fn shared(one: &[usize], other: &[usize]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_nearest_column() {
        let paths: [&[usize]; 3] = [&[0, 0, 1], &[0, 1, 1], &[2]];
        let found = |from: &[usize]| nearest(from, paths.iter().copied().enumerate());
        assert_eq!(found(&[0, 1, 0]), Found::One(1));
        assert_eq!(found(&[1]), Found::Several);
        assert_eq!(nearest(&[0], []), Found::Nothing);
    }
}
