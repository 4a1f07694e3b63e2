//! The program `compare`: it compares, finds a difference, and names what is missing.

use std::process::Command;

/// Runs the program; returns exit code, standard output and standard error.
fn compare(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output().expect("compare runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// As [`compare`], but `None` where the machine gives no namespace or no TUN device, which fails in CI.
fn compare_in_namespace(arguments: &[&str]) -> Option<(Option<i32>, String, String)> {
    let result = compare(arguments);
    if result.2.contains("no network namespace") || result.2.contains("TUN") || result.2.contains("/dev/net/tun") {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have namespaces: {}", result.2);
        eprintln!("SKIPPED, nothing was compared: {}", result.2);
        return None;
    }
    Some(result)
}

#[test]
fn every_reference_agrees_in_both_families() {
    for name in ["forward", "input", "nft-forward", "nft-input", "nft-prerouting", "stack"] {
        for family in ["4", "6"] {
            let arguments = ["--reference", name, "--family", family, "--packets", "5000", "--seed", "11"];
            let Some((code, output, errors)) = compare_in_namespace(&arguments) else { return };
            let last = output.lines().last().unwrap_or_default();
            assert!(last.starts_with("5,000 packets: 4,") && last.ends_with(", 0 mismatches"), "{output}{errors}");
            assert_eq!(code, Some(0), "{name}, IPv{family}");
        }
    }
}

#[test]
fn a_seed_reproduces_a_run() {
    let run = |seed| compare_in_namespace(&["--reference", "forward", "--packets", "3000", "--seed", seed]);
    let Some(first) = run("5") else { return };
    assert_eq!(Some(&first), run("5").as_ref());
    assert_ne!(Some(first), run("6"));
}

#[test]
fn a_difference_is_found_shown_and_replayed() {
    for (family, difference) in [("4", ["--hop-limit", "63"]), ("6", ["--profile", "tcp-stack"])] {
        let arguments =
            [&["--reference", "forward", "--family", family, "--packets", "5000"], &difference[..]].concat();
        let Some((code, output, errors)) = compare_in_namespace(&arguments) else { return };
        assert_eq!(code, Some(1), "{output}{errors}");
        assert!(output.ends_with(" zero checksums, 1 mismatches\n"), "{output}");
        for said in ["offender: ", "crate: ", "kernel: "] {
            assert_eq!(output.matches(said).count(), 1, "{output}");
        }

        let replay = output.lines().find_map(|line| line.split_once("tcp-reset-linux -- ")).expect("how to replay").1;
        let (code, output, errors) = compare(&replay.split(' ').collect::<Vec<_>>());
        assert_eq!(code, Some(1), "{output}{errors}");
        assert!(output.ends_with("MISMATCH\n"), "{output}");

        let without_difference: Vec<&str> = replay.split(' ').filter(|word| !difference.contains(word)).collect();
        let (code, output, errors) = compare(&without_difference);
        assert_eq!(code, Some(0), "{output}{errors}");
        assert!(output.ends_with("same\n"), "{output}");
    }
}

#[test]
fn bad_arguments_are_one_line() {
    for (arguments, said) in [
        (&[][..], "--reference is missing: choose one of forward, input"),
        (&["--reference", "bridge"], "unknown reference \"bridge\": choose one of forward, input"),
        (&["--reference", "forward", "--family", "5"], "unknown family \"5\": choose one of 4, 6"),
        (&["--reference", "forward", "--packets", "many"], "\"many\""),
        (&["--reference", "forward", "--replay", "45000"], "bad hex: 45000"),
        (&["--reference", "forward", "--replay", "45é"], "bad hex: 45é"),
        (&["--jugde", "forward"], "--jugde"),
    ] {
        let (code, output, errors) = compare(arguments);
        assert_eq!((code, output.as_str(), errors.lines().count()), (Some(2), "", 1), "{arguments:?}: {errors}");
        assert!(errors.contains(said), "{errors}");
    }
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let programs = std::env::temp_dir().join(format!("only-bash-{}", std::process::id()));
    std::fs::create_dir(&programs).expect("a folder");
    std::os::unix::fs::symlink("/bin/bash", programs.join("bash")).expect("bash");
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["--reference", "forward", "--packets", "1"])
        .env("PATH", &programs)
        .output()
        .expect("compare runs");
    std::fs::remove_dir_all(&programs).expect("removed");
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("no network namespace") || errors.contains("/dev/net/tun") {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI has to have namespaces: {errors}");
        eprintln!("SKIPPED: {errors}");
        return;
    }
    assert_eq!(errors, "compare: ip is not installed: apt-get install iproute2\n");
    assert_eq!(output.status.code(), Some(2));
}
