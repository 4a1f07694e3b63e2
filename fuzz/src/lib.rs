//! What the fuzz targets share: random packets, the crate's promises, and a smoltcp stack whose replies are checked.

pub mod oracle;
pub mod packet;
pub mod stack;
