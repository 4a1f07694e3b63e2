//! What the fuzz targets share: random packets, the crate's promises, and a smoltcp stack whose replies are checked.

#[allow(missing_docs, reason = "it is documented as far as tests have to be")]
#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod oracle;
pub mod packet;
pub mod stack;
