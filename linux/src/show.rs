//! Prints packets in hex and as tcpdump shows them.

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use support::difference;

use crate::comparison::Exchange;

/// An offender and the two answers to it, in hex and as tcpdump prints them, and the fields that differ.
#[must_use]
pub fn exchange(exchange: &Exchange) -> String {
    let ours = match &exchange.ours {
        Ok(reset) => both(reset),
        Err(reason) => format!("silence: {reason}\n"),
    };
    let kernels = exchange.kernels.as_ref().map_or_else(|| "silence\n".to_owned(), |reset| both(reset));
    let differences = match (&exchange.ours, &exchange.kernels) {
        (Ok(ours), Some(kernels)) if ours != kernels => {
            format!("differs:  {}\n", difference::list(&difference::differences(ours, kernels)))
        }
        _ => String::new(),
    };
    format!("offender: {}crate:    {ours}kernel:   {kernels}{differences}", both(&exchange.packet))
}

fn both(packet: &[u8]) -> String {
    let printed = tcpdump(packet).unwrap_or_else(|error| format!("({error:#})"));
    format!("{}\n          {}\n", hex::encode(packet), printed.trim().replace('\n', "\n          "))
}

fn tcpdump(packet: &[u8]) -> Result<String> {
    let header = PcapHeader { datalink: DataLink::RAW, snaplen: 0xffff, ..PcapHeader::default() };
    let mut capture = PcapWriter::with_header(Cursor::new(Vec::new()), header)?;
    let original_len = u32::try_from(packet.len())?;
    capture.write_packet(&PcapPacket::new(Duration::ZERO, original_len, packet))?;
    let mut child = Command::new("tcpdump")
        .args(["-n", "-t", "-vv", "-S", "-r", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("tcpdump is not installed: apt-get install tcpdump")?;
    child.stdin.take().context("tcpdump has no standard input")?.write_all(capture.into_writer().get_ref())?;
    let output = child.wait_with_output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", complaint.lines().last().unwrap_or("tcpdump failed"));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
