//! Options that `queue` and `sniff` share.

use std::net::IpAddr;
use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use ipnet::IpNet;
use lexopt::{Parser, ValueExt};
use regex::bytes::Regex;
use tcp_reset_linux::cut::Segment;

pub(crate) struct Options {
    pub(crate) payload: Option<Regex>,
    pub(crate) hosts: Vec<IpNet>,
    pub(crate) ports: Vec<u16>,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) rate: Option<u32>,
    pub(crate) connections: NonZeroUsize,
    pub(crate) is_dry_run: bool,
    pub(crate) is_json: bool,
}

/// Their description.
macro_rules! common_options {
    () => {
        "
  --host ADDRESS[/LENGTH]  only connections of this host or network; may be given several times
  --port PORT              only connections of this port, at either end; may be given several times
  --hop-limit NUMBER       the TTL or hop limit of the resets; the system's unless given
  --rate NUMBER            send so many resets a second at most
  --connections NUMBER     how many connections can be cut at the same time, 65536 unless given
  --dry-run                do not drop or send anything; only count, and log what would be cut
  --json                   log each connection that is cut as a line of JSON
  --version                print the version"
    };
}
pub(crate) use common_options;

impl Options {
    pub(crate) fn new() -> Self {
        let connections = const { NonZeroUsize::new(1 << 16).expect("not zero") };
        let (payload, hosts, ports, hop_limit, rate) = (None, Vec::new(), Vec::new(), None, None);
        Self { payload, hosts, ports, hop_limit, rate, connections, is_dry_run: false, is_json: false }
    }

    /// Takes the option `--name` and its value. One that is not known is an error.
    pub(crate) fn take(&mut self, name: &str, parser: &mut Parser) -> Result<()> {
        match name {
            "payload" => self.payload = Some(parse_payload(&parser.value()?.string()?)?),
            "host" => self.hosts.push(parser.value()?.parse_with(parse_host)?),
            "port" => self.ports.push(parser.value()?.parse()?),
            "hop-limit" => self.hop_limit = Some(parser.value()?.parse_with(parse_hop_limit)?),
            "rate" => self.rate = Some(parser.value()?.parse()?),
            "connections" => self.connections = parser.value()?.parse()?,
            "dry-run" => self.is_dry_run = true,
            "json" => self.is_json = true,
            _ => return Err(lexopt::Error::UnexpectedOption(format!("--{name}")).into()),
        }
        Ok(())
    }

    /// Whether the connection of a segment is one that is looked at.
    pub(crate) fn concerns(&self, segment: &Segment) -> bool {
        let ends = [segment.source, segment.destination];
        let host = |end: &std::net::SocketAddr| self.hosts.iter().any(|host| host.contains(&end.ip()));
        (self.hosts.is_empty() || ends.iter().any(host))
            && (self.ports.is_empty() || ends.iter().any(|end| self.ports.contains(&end.port())))
    }

    /// Whether data is forbidden, and what in it.
    pub(crate) fn forbidden<'a>(&self, data: &'a [u8]) -> Option<&'a [u8]> {
        self.payload.as_ref()?.find(data).map(|found| found.as_bytes())
    }
}

/// Unlike the message of `regex`, the error has one line.
fn parse_payload(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let error = error.to_string();
        let last = error.lines().next_back().unwrap_or_default();
        anyhow!("bad REGEX {pattern:?}: {}", last.trim_start_matches("error: "))
    })
}

fn parse_host(host: &str) -> Result<IpNet, ipnet::AddrParseError> {
    host.parse::<IpAddr>().map_or_else(|_| host.parse(), |address| Ok(address.into()))
}

pub(crate) fn parse_hop_limit(number: &str) -> Result<u8> {
    match number.parse()? {
        0 => Err(anyhow!("a packet with hop limit 0 goes nowhere")),
        hop_limit => Ok(hop_limit),
    }
}
