//! The judge's command line: it compares, it can find a difference, and it says what is missing.

use std::process::Command;

/// Runs the judge; gives exit code, standard output and standard error.
fn judge(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_judge")).args(arguments).output().expect("the judge runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// As [`judge`], but `None` where the machine gives no namespace or no TUN device, which fails in CI.
fn judge_in_namespace(arguments: &[&str]) -> Option<(Option<i32>, String, String)> {
    let result = judge(arguments);
    if result.2.contains("no network namespace") || result.2.contains("TUN") || result.2.contains("/dev/net/tun") {
        assert!(std::env::var_os("CI").is_none(), "CI has to have namespaces: {}", result.2);
        eprintln!("SKIPPED, nothing was compared: {}", result.2);
        return None;
    }
    Some(result)
}

#[test]
fn every_judge_agrees_in_both_families() {
    for name in ["forward", "input", "nft-forward", "nft-input", "nft-prerouting", "stack"] {
        for family in ["4", "6"] {
            let arguments = ["--judge", name, "--family", family, "--packets", "5000", "--seed", "11"];
            let Some((code, output, errors)) = judge_in_namespace(&arguments) else { return };
            let last = output.lines().last().unwrap_or_default();
            assert!(last.starts_with("5,000 packets: 4,") && last.ends_with(", 0 mismatches"), "{output}{errors}");
            assert_eq!(code, Some(0), "{name}, IPv{family}");
        }
    }
}

#[test]
fn a_seed_reproduces_a_run() {
    let run = |seed| judge_in_namespace(&["--judge", "forward", "--packets", "3000", "--seed", seed]);
    let Some(first) = run("5") else { return };
    assert_eq!(Some(&first), run("5").as_ref());
    assert_ne!(Some(first), run("6"));
}

#[test]
fn a_difference_is_found_shown_and_replayed() {
    for (family, difference) in [("4", ["--hop-limit", "63"]), ("6", ["--profile", "tcp-stack"])] {
        let arguments = [&["--judge", "forward", "--family", family, "--packets", "5000"], &difference[..]].concat();
        let Some((code, output, errors)) = judge_in_namespace(&arguments) else { return };
        assert_eq!(code, Some(1), "{output}{errors}");
        assert!(output.ends_with(" zero checksums, 1 mismatches\n"), "{output}");
        for said in ["offender: ", "crate: ", "kernel: "] {
            assert_eq!(output.matches(said).count(), 1, "{output}");
        }

        let replay = output.lines().find_map(|line| line.split_once("tcp-reset-linux -- ")).expect("how to replay").1;
        let (code, output, errors) = judge(&replay.split(' ').collect::<Vec<_>>());
        assert_eq!(code, Some(1), "{output}{errors}");
        assert!(output.ends_with("MISMATCH\n"), "{output}");

        let honest: Vec<&str> = replay.split(' ').filter(|word| !difference.contains(word)).collect();
        let (code, output, errors) = judge(&honest);
        assert_eq!(code, Some(0), "{output}{errors}");
        assert!(output.ends_with("same\n"), "{output}");
    }
}

#[test]
fn bad_arguments_are_one_line() {
    for (arguments, said) in [
        (&[][..], "--judge is missing: choose one of forward, input"),
        (&["--judge", "bridge"], "unknown judge \"bridge\": choose one of forward, input"),
        (&["--judge", "forward", "--family", "5"], "unknown family \"5\": choose one of 4, 6"),
        (&["--judge", "forward", "--packets", "many"], "\"many\""),
        (&["--judge", "forward", "--replay", "45000"], "bad hex: 45000"),
        (&["--judge", "forward", "--replay", "45é"], "bad hex: 45é"),
        (&["--jugde", "forward"], "--jugde"),
    ] {
        let (code, output, errors) = judge(arguments);
        assert_eq!((code, output.as_str(), errors.lines().count()), (Some(2), "", 1), "{arguments:?}: {errors}");
        assert!(errors.contains(said), "{errors}");
    }
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let output = Command::new(env!("CARGO_BIN_EXE_judge"))
        .args(["--judge", "forward", "--packets", "1"])
        .env("PATH", "/nonexistent")
        .output()
        .expect("the judge runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("no network namespace") || errors.contains("/dev/net/tun") {
        assert!(std::env::var_os("CI").is_none(), "CI has to have namespaces: {errors}");
        eprintln!("SKIPPED: {errors}");
        return;
    }
    assert_eq!(errors, "judge: ip is not installed: apt-get install iproute2\n");
    assert_eq!(output.status.code(), Some(2));
}
