//! The chart: a column of bars for some of the sets, readable on a light and on a dark page.

use std::fmt::Write;

use crate::answers::{Row, Set};

/// The sets it shows, as the table calls them, and what it calls them itself.
const COLUMNS: [(&str, &str); 3] =
    [("SYN 40", "SYN, 40 bytes"), ("data 1500", "data, 1500 bytes"), ("mixed", "mixed sizes and kinds")];

const NAMES_WIDTH: usize = 255;
const COLUMN_WIDTH: usize = 215;
/// The longest bar; the rest of the column is for its figure.
const BAR_WIDTH: f64 = 100.0;
const ROW_HEIGHT: usize = 26;
const HEAD_HEIGHT: usize = 34;

/// Colours with enough contrast to white and to black.
const OURS: &str = "#1a7fe0";
const THEIRS: &str = "#76818c";

/// An SVG image of the implementations that answer packets, this crate in one form.
pub fn svg(sets: &[Set], rows: &[Row]) -> String {
    let rows = rows.iter().filter(|row| row.answers && !row.name.starts_with("tcp-reset,"));
    let rows: Vec<&Row> = rows.filter(|row| !row.name.ends_with("Ethernet frames")).collect();
    let width = NAMES_WIDTH + COLUMN_WIDTH * COLUMNS.len();
    let height = HEAD_HEIGHT + ROW_HEIGHT * rows.len() + 4;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" \
         font-size=\"13\" fill=\"{THEIRS}\">\n<title>Time from a packet to its reset, in nanoseconds</title>\n"
    );
    for (place, row) in rows.iter().enumerate() {
        let (name, y) = (row.name.replace(['*', '`'], ""), middle(place));
        text(&mut svg, NAMES_WIDTH - 12, y, place == 0, "end", &name);
    }
    for (column, (name, title)) in COLUMNS.iter().enumerate() {
        let Some(set) = sets.iter().position(|set| set.name == *name) else { continue };
        let left = NAMES_WIDTH + COLUMN_WIDTH * column;
        _ = writeln!(svg, "<text x=\"{left}\" y=\"18\" font-weight=\"600\">{title}</text>");
        let times: Vec<_> = rows.iter().map(|row| &row.cells[set].time).collect();
        let longest = times.iter().fold(0.0_f64, |longest, time| longest.max(time.nanoseconds));
        for (place, time) in times.iter().enumerate() {
            let bar = time.nanoseconds / longest * BAR_WIDTH;
            let (top, fill) = (middle(place) - 9, if place == 0 { OURS } else { THEIRS });
            let opacity = if place == 0 { 1.0 } else { 0.55 };
            _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{bar:.1}\" height=\"18\" rx=\"2\" fill=\"{fill}\" \
                 opacity=\"{opacity}\"/>"
            );
            let figure = match place {
                0 => format!("{} ns", digits(time.nanoseconds)),
                _ => format!("{} ns · {:.1}×", digits(time.nanoseconds), time.ratio),
            };
            text(&mut svg, left + bar as usize + 6, middle(place), place == 0, "start", &figure);
        }
    }
    svg + "</svg>\n"
}

fn text(svg: &mut String, x: usize, y: usize, ours: bool, anchor: &str, text: &str) {
    let y = y + 4;
    let style = if ours { format!(" font-weight=\"600\" fill=\"{OURS}\"") } else { String::new() };
    _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{style}>{text}</text>");
}

fn middle(place: usize) -> usize {
    HEAD_HEIGHT + ROW_HEIGHT * place + ROW_HEIGHT / 2
}

fn digits(nanoseconds: f64) -> String {
    if nanoseconds < 100.0 { format!("{nanoseconds:.1}") } else { format!("{nanoseconds:.0}") }
}
