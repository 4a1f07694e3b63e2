//! What is printed, and of which packets.

use crate::captures::{Order, Pcap, Pcapng, raw};
use crate::packets::{SYN_LINE, changed, reply, syn};
use crate::program::{Run, Scratch, read, read_with};

/// A SYN, a packet of UDP, and a reset for the SYN with another acknowledgment number.
fn mixed() -> Vec<u8> {
    raw([&syn(), &changed(syn(), 9, 17), &changed(reply(&syn()), 31, 0xe8)])
}

fn numbers(run: &Run) -> Vec<String> {
    run.numbered().into_iter().map(|(number, _)| number.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn one_kind_of_packet_is_shown_and_all_are_counted() {
    for (kind, expected) in [("resets", &["1"][..]), ("silences", &["2", "3"]), ("different", &["3"])] {
        let run = read_with(&["--only", kind], &mixed());
        assert_eq!((run.code, numbers(&run)), (0, expected.iter().map(|number| (*number).to_owned()).collect()));
        assert_eq!(run.summary("packets"), "3");
    }
    let run = read_with(&["--summary"], &mixed());
    assert!(run.stdout.starts_with("packets: 3\nresets: 1 "), "{}", run.stdout);
}

#[test]
fn packets_are_filtered_by_host_and_port() {
    let other_host = changed(syn(), 15, 9);
    let other_port = changed(syn(), 23, 81);
    let udp = changed(syn(), 9, 17);
    let capture = raw([&syn(), &other_host, &other_port, &udp, &reply(&syn())]);
    let cases = [
        (&["--host", "192.0.2.1"][..], &["1", "3", "4", "5"][..]),
        (&["--host", "192.0.2.9"], &["2"]),
        (&["--host", "2001:db8::1"], &[]),
        (&["--port", "80"], &["1", "2", "5"]),
        (&["--port", "81"], &["3"]),
        (&["--port", "80", "--host", "192.0.2.1"], &["1", "5"]),
    ];
    for (options, expected) in cases {
        let run = read_with(options, &capture);
        assert_eq!((run.code, numbers(&run)), (0, expected.iter().map(|number| (*number).to_owned()).collect()));
        assert_eq!(run.summary("packets"), expected.len().to_string(), "{options:?}");
    }
    let arp = Pcap::new(1).frame(b"............\x08\x06").bytes;
    assert_eq!(read_with(&["--port", "80"], &arp).summary("packets"), "0");
}

/// As Wireshark counts: packets of an unknown link type have numbers too. The time is that since the first packet.
#[test]
fn each_packet_has_its_number_and_time() {
    let capture = Pcapng::new(Order::Little)
        .interface(105, 0, &[])
        .interface(101, 0, &[])
        .enhanced(1, 1_700_000_000_000_000, &syn())
        .enhanced(0, 1_700_000_000_000_000, b"beacon")
        .enhanced(1, 1_700_000_001_250_000, &syn())
        .enhanced(1, 1_699_999_999_999_999, &syn())
        .simple(40, &syn());
    let run = read(&capture.bytes);
    let expected = ["1 0.000000", "3 1.250000", "4 -0.000001"].map(|number| (number.to_owned(), SYN_LINE.to_owned()));
    assert_eq!(run.numbered(), expected);
    let raw = Pcapng::new(Order::Little).interface(101, 0, &[]).simple(40, &syn());
    assert_eq!(read(&raw.bytes).numbered(), [("1 -".to_owned(), SYN_LINE.to_owned())]);
}

#[test]
fn json_has_one_object_a_line() {
    let run = read_with(&["--json"], &mixed());
    let syn = r#"{"number":1,"time":"0.000000000","protocol":"TCP","source":"192.0.2.1","source_port":36050,"#
        .to_owned()
        + r#""destination":"198.51.100.2","destination_port":80,"flags":"S","seq":522224616,"ack":0,"window":1024,"#
        + r#""length":0,"reset":{"flags":"R.","seq":0,"ack":522224617,"packet":"450000280000400040064e99c6336402"#
        + r#"c000020100508cd2000000001f2083e950140000936d0000"}}"#;
    let udp = r#"{"number":2,"time":"0.000000000","protocol":"UDP","source":"192.0.2.1","destination":"198.51.100.2","#
        .to_owned()
        + r#""fragment":false,"length":20,"silence":"not TCP"}"#;
    let compared = r#""silence":"a reset itself","compared":{"class":"other numbers","differences":[{"#.to_owned()
        + r#""field":"acknowledgment number","theirs":522224616,"ours":522224617}]}}"#;
    let lines: Vec<_> = run.stdout.lines().collect();
    let [first, second, third, summary] = lines[..] else { panic!("{}", run.stdout) };
    assert_eq!((first, second), (&*syn, &*udp));
    assert!(third.ends_with(&compared), "{third}");
    assert!(summary.starts_with(r#"{"summary":{"packets":3,"rst":0,"rst_ack":1,"silences":{"#), "{summary}");
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let run = read_with(&["--json", "--summary"], &mixed());
    assert_eq!(run.stdout.lines().count(), 1);
}

#[test]
fn an_empty_file_is_called_so() {
    let file = Scratch::new("empty.pcap", b"");
    let run = Run::of(crate::program::resets().arg(&file.0));
    assert_eq!(run.error(), "an empty file");
}
