//! Place codes, parsed once at the edge. NBS codes nest: a grid code starts with its community's,
//! that with its subdistrict's, that with the district's.

use std::fmt;

/// Why a text is not a place code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceCodeFault {
    Length { expected: usize, found: usize },
    NotDigits,
}

impl fmt::Display for PlaceCodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => {
                write!(f, "a place code of {expected} digits was expected, found {found} characters")
            }
            Self::NotDigits => f.write_str("a place code holds digits only"),
        }
    }
}

impl std::error::Error for PlaceCodeFault {}

fn parse_digits<const N: usize>(text: &str) -> Result<[u8; N], PlaceCodeFault> {
    let bytes: [u8; N] =
        text.as_bytes().try_into().map_err(|_| PlaceCodeFault::Length { expected: N, found: text.chars().count() })?;
    if bytes.iter().all(u8::is_ascii_digit) { Ok(bytes) } else { Err(PlaceCodeFault::NotDigits) }
}

macro_rules! place_code {
    ($(#[$doc:meta])* $name:ident, $digits:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $digits]);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, PlaceCodeFault> {
                parse_digits(text).map(Self)
            }

            pub fn as_str(&self) -> &str {
                // Only ASCII digits get in through `parse`.
                std::str::from_utf8(&self.0).unwrap_or("")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

place_code!(
    /// 街道 or 镇: 6 digits of the district + 3.
    SubdistrictCode,
    9
);
place_code!(
    /// 社区 or 村: the subdistrict + 3; villages count from 200.
    CommunityCode,
    12
);
place_code!(
    /// 网格: the community + 3.
    GridCode,
    15
);

impl GridCode {
    pub fn community(&self) -> CommunityCode {
        let mut code = [0; 12];
        code.copy_from_slice(&self.0[..12]);
        CommunityCode(code)
    }
}

impl CommunityCode {
    pub fn subdistrict(&self) -> SubdistrictCode {
        let mut code = [0; 9];
        code.copy_from_slice(&self.0[..9]);
        SubdistrictCode(code)
    }

    /// 村委会 are numbered from 200, 居委会 below.
    pub fn is_village(&self) -> bool {
        self.0[9] >= b'2'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_code_names_the_places_above_it() {
        let grid = GridCode::parse("430105016206003").unwrap();
        assert_eq!(grid.community().as_str(), "430105016206");
        assert_eq!(grid.community().subdistrict().to_string(), "430105016");
        assert!(grid.community().is_village());
        assert!(!CommunityCode::parse("430105001007").unwrap().is_village());
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        let length = |found| Err(PlaceCodeFault::Length { expected: 9, found });
        assert_eq!(SubdistrictCode::parse("4301050"), length(7));
        assert_eq!(SubdistrictCode::parse("４３０１０５００１"), length(9));
        assert_eq!(SubdistrictCode::parse("43010500a"), Err(PlaceCodeFault::NotDigits));
    }
}
