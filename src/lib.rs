//! An embedded analytics warehouse and report generator for a city district's grid-management centre.

pub mod district;
pub mod synthetic;
