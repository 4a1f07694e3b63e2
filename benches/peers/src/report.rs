//! The tables, in Markdown.

use std::process::Command;

use crate::answers::{Cell, Row, Set};
use crate::checksums;
use crate::measure::Time;
use crate::silences;

/// Where and how this was measured.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let features = match (cfg!(target_arch = "x86_64"), cfg!(target_feature = "sse3")) {
        (true, false) => "baseline x86-64",
        (true, true) => "x86-64 with more than the baseline",
        _ => std::env::consts::ARCH,
    };
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let rustc = rustc.unwrap_or("rustc".to_owned());
    let os = std::env::consts::OS;
    format!("Nanoseconds, medians; {cpu}, {os}, {rustc}, fat LTO, {features}.")
}

/// From a packet to its reset.
pub fn answers(sets: &[Set], rows: &[Row]) -> String {
    let heads = sets.iter().map(|set| set.name.to_owned()).collect::<Vec<_>>();
    let mut table = head("packet to reset", &heads);
    for (place, row) in rows.iter().enumerate() {
        let cells = row.cells.iter().map(|cell| {
            let mark = if cell.wrong + cell.refused == 0 { "" } else { " ⚠" };
            // A lower bound does not answer, so that a ratio means nothing.
            let time = if row.answers { time(&cell.time, place == 0) } else { nanoseconds(cell.time.nanoseconds) };
            time + mark
        });
        table += &line(&row.name, cells);
    }
    for row in rows {
        for (set, Cell { wrong, refused, .. }) in sets.iter().zip(&row.cells).filter(|(_, c)| c.wrong + c.refused > 0) {
            let (name, set, all) = (&row.name, set.name, set.packets.len());
            table += &format!("\n⚠ {name}, {set}: of {all} packets, {wrong} answered wrongly, {refused} refused.\n");
        }
    }
    table
}

/// The checksum alone.
pub fn checksums(rows: &[(&str, Vec<Time>)]) -> String {
    let mut table = head("checksum alone", &checksums::LENGTHS.map(|len| format!("{len} B")));
    for (place, (name, times)) in rows.iter().enumerate() {
        table += &line(name, times.iter().map(|cell| time(cell, place == 0)));
    }
    table
}

/// Silences and trust.
pub fn silences(rows: &[silences::Row]) -> String {
    let mut table = head("not verified or not answered", &["ns".to_owned(), "ratio".to_owned(), "to".to_owned()]);
    for silences::Row { name, beside, time } in rows {
        let cells = [nanoseconds(time.nanoseconds), format!("{:.2}×", time.ratio), (*beside).to_owned()];
        table += &line(name, cells.into_iter());
    }
    table
}

fn head(title: &str, columns: &[String]) -> String {
    line(title, columns.iter().cloned()) + "|---|" + &"--:|".repeat(columns.len()) + "\n"
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {name} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn time(time: &Time, first: bool) -> String {
    let nanoseconds = nanoseconds(time.nanoseconds);
    if first { format!("**{nanoseconds}**") } else { format!("{nanoseconds} ({:.2}×)", time.ratio) }
}

fn nanoseconds(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
