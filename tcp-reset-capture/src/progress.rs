//! How much of a file has been read: a bar on standard error.

use std::fs::File;
use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A shorter file is read too fast for it.
const SHORT: u64 = 64 << 20;

/// The file, with a bar that is removed at its end.
///
/// There is none for a short file, nor if standard error is not a terminal. If the lines go to a terminal, they show the
/// progress.
pub fn with_bar(file: File, shows_lines: bool) -> (Box<dyn Read + Send>, ProgressBar) {
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    if len < SHORT || !io::stderr().is_terminal() || shows_lines && io::stdout().is_terminal() {
        return (Box::new(file), ProgressBar::hidden());
    }
    let bar = ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    (Box::new(bar.wrap_read(file)), bar)
}
