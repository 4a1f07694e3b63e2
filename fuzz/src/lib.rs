//! What the fuzz targets share: random packets, the crate's promises, and smoltcp with a judge over it.

#[allow(missing_docs, reason = "it is documented as far as tests have to be")]
#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod oracle;
pub mod packet;
pub mod stack;
