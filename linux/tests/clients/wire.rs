//! What passes on a device, as tcpdump and tshark see it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::tools::{Daemon, output, run_with};

/// A recording in progress.
pub(crate) struct Wire {
    tcpdump: Daemon,
    file: String,
}

impl Wire {
    /// Begins to record the TCP segments on `device`; `test` names the file, which stays for whoever wants to look.
    pub(crate) fn record(device: &str, test: &str) -> Self {
        Self::filtered(device, "tcp", test)
    }

    /// The same for the frames from and to a MAC address: VLAN tags hide TCP from the filter.
    pub(crate) fn record_host(device: &str, mac: &str, test: &str) -> Self {
        Self::filtered(device, &format!("ether host {mac}"), test)
    }

    fn filtered(device: &str, filter: &str, test: &str) -> Self {
        let file = format!("{}/{test}.pcap", env!("CARGO_TARGET_TMPDIR"));
        // `-Z root`: tcpdump would change to a user that may not write here.
        let tcpdump = ["tcpdump", "-Z", "root", "--immediate-mode", "-s", "256", "-B", "8192", "-U", "-n"];
        let arguments = [&tcpdump[..], &["-i", device, "-w", &file, filter]].concat();
        Self { tcpdump: Daemon::start(&arguments, "listening on"), file }
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Ends the recording when it holds `resets` resets; tshark has to find everything that `filter` selects correct.
    ///
    /// Returns tcpdump's lines of the resets.
    pub(crate) fn verify(self, resets: usize, filter: &str) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while resets_in(&self.file).len() < resets && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
        let said = self.tcpdump.stop();
        assert!(said.contains("0 packets dropped by kernel"), "{said}");
        let lines = resets_in(&self.file);
        assert!(lines.len() >= resets, "{resets} resets expected: {lines:#?}");

        // 1 is "good"; a checksum that tshark left alone would be 2. Over IPv6 there is no header checksum.
        let good = "tcp.checksum.status == 1 && (ipv6 || ip.checksum.status == 1) && !_ws.malformed";
        let wrong = format!("{filter} && !({good})");
        let verify = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
        let wrong = run_with(&[&["tshark", "-n", "-r", &self.file, "-Y", &wrong], &verify[..]].concat());
        assert_eq!(wrong, "", "tshark finds these wrong");
        lines
    }
}

/// The resets in a recording, which may still be in progress.
fn resets_in(file: &str) -> Vec<String> {
    let output = output(&["tcpdump", "-Z", "root", "-n", "-t", "-S", "-r", file]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| line.contains("Flags [R")).map(String::from).collect()
}
