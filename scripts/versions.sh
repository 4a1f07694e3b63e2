# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts use them
# The versions of all that the checks run with; no script names another one. scripts/steps.sh sources this file, and the
# workflow reads it. A variable of the environment takes precedence, to try other versions:
#
#   STABLE=1.99.1 NIGHTLY=nightly-2026-10-30 .ci/run
#
# `.ci/run --install-rust` installs the three toolchains by rustup. Not here: the libraries, which the Cargo.lock files pin; the
# oldest Rust, `rust-version` in Cargo.toml; PyTCP's packages, conformance/stacks/pytcp.txt; the commits of the actions in
# .github/workflows/, where GitHub takes no variable.

: "${STABLE:=1.95.0}"
: "${NIGHTLY:=nightly-2026-05-19}"
# The XDP program needs a compiler with the LLVM of bpf-linker. If NIGHTLY has a newer LLVM, this one compiles the program.
: "${XDP_NIGHTLY:=nightly-2026-05-19}"
: "${BPF_LINKER:=0.13.0}"
: "${BPF_LLVM:=22}"

: "${CARGO_C:=0.10.24+cargo-0.98.0}" # newer ones need a newer STABLE
: "${CARGO_DENY:=0.20.2}"
: "${CARGO_FUZZ:=0.13.2}"
: "${CARGO_MUTANTS:=27.1.0}"
: "${CARGO_PUBLIC_API:=0.52.0}" # its format is of NIGHTLY
: "${CARGO_SEMVER_CHECKS:=0.51.0}"
: "${CBINDGEN:=0.29.4}"

# For the workflow: the container (Debian 12.15, the tag bookworm-20260713), and rustup-init with its SHA-256.
: "${IMAGE:=debian:12@sha256:9344f8b8992482f80cba753f323adeaf17690076c095ccff6cc9536be98185dc}"
: "${RUSTUP:=1.28.2}"
: "${RUSTUP_SHA256:=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c}"
