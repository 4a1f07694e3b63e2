//! Everything that `capi/README.md` says, checked: the header, the symbols, the vectors in C under AddressSanitizer and valgrind
//! and in QEMU, the programs, the page's own commands, the linked sizes. It needs Linux and root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use xshell::{Cmd, Shell, cmd};

use crate::ci::quiet;
use crate::project::Project;
use crate::{c_footprint, capi_readme, limits, regenerate};

const HEADER: &str = "capi/include/tcp_reset.h";
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// What the two test programs print.
const ARGUMENTS: &str = "arguments: each mistake gets its reason";
const VECTORS: &str = "vectors as Linux answers them";

struct Check<'a> {
    project: &'a Project,
    shell: Shell,
    version: String,
    /// Where cargo builds the library.
    libraries: PathBuf,
    work: PathBuf,
    /// Where a release build and a debug build are installed.
    prefix: PathBuf,
    debug: PathBuf,
    vectors: Vec<PathBuf>,
}

pub fn run(project: &Project) -> Result<()> {
    project.need(
        "gcc libc6-dev g++ make cmake meson pkg-config valgrind",
        &["gcc", "g++", "make", "cmake", "meson", "ninja", "pkg-config", "valgrind"],
    )?;
    project.need("libnetfilter-queue-dev", &["/usr/include/libnetfilter_queue/libnetfilter_queue.h"])?;
    let arm = ["arm-none-eabi-gcc", "qemu-system-arm"];
    project.need("gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm", &arm)?;
    project.need("gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user", &["s390x-linux-gnu-gcc", "qemu-s390x"])?;
    project.need("liblwip-dev", &["/usr/include/lwip/lwip/tcp.h"])?;
    project.need_tool("cargo-cinstall", "cargo-c", "CARGO_C")?;
    let check = Check::new(project)?;
    project.step("Rust", || check.rust())?;
    project.step("make install", || check.install())?;
    project.step("the header", || check.header())?;
    project.step("symbols", || check.symbols())?;
    project.step("cargo cinstall", || check.cargo_c())?;
    project.step("reasons", || check.reasons())?;
    project.step("a program of version 0.1.0", || check.old_program())?;
    project.step("AddressSanitizer and UndefinedBehaviorSanitizer", || check.sanitizers())?;
    project.step("valgrind", || check.valgrind())?;
    project.step("examples, by make, cmake and meson", || check.examples())?;
    project.step("an NFQUEUE firewall", || check.firewall())?;
    project.step("lwIP", || check.lwip())?;
    project.step("the page, as a new user", || capi_readme::run(project))?;
    project.step("footprint", || c_footprint::run(project, &limits::Options::default()))?;
    project.step("Cortex-M in QEMU", || check.cortex_m())?;
    project.step("big-endian in QEMU", || check.big_endian())
}

impl<'a> Check<'a> {
    fn new(project: &'a Project) -> Result<Self> {
        let shell = project.shell.clone();
        let manifest = shell.read_file("capi/Cargo.toml")?;
        let version = Regex::new(r#"(?m)^version = "(.*)""#)?.captures(&manifest).context("capi: no version")?;
        let libraries = project.root.join("capi/target");
        let work = libraries.join("check");
        shell.remove_path(&work)?;
        shell.create_dir(&work)?;
        let (prefix, debug) = (work.join("prefix"), work.join("debug"));
        shell.set_var("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        shell.set_var("LD_LIBRARY_PATH", prefix.join("lib"));
        let mut vectors =
            [shell.read_dir("testdata/vectors")?, shell.read_dir("testdata/vectors-destination")?].concat();
        vectors.retain(|file| file.extension().is_some_and(|name| name == "txt"));
        Ok(Self { project, shell, version: version[1].to_owned(), libraries, work, prefix, debug, vectors })
    }

    fn rust(&self) -> Result<()> {
        let Self { shell, libraries, .. } = self;
        let level = self.project.lint_level();
        cmd!(shell, "cargo fmt --check --manifest-path capi/Cargo.toml").run()?;
        cmd!(shell, "cargo clippy --quiet --locked --manifest-path capi/Cargo.toml --target-dir {libraries}")
            .args(["--", level, "warnings"])
            .run()?;
        // In one file, and nowhere without its reason (clippy looks for the reasons).
        let files = cmd!(shell, "git grep --untracked -lw unsafe -- capi/src").read()?;
        ensure!(files == "capi/src/exports.rs", "unsafe code in {files}");
        Ok(())
    }

    fn install(&self) -> Result<()> {
        let Self { shell, version, prefix, debug, work, .. } = self;
        quiet(cmd!(shell, "make --silent --directory capi install PREFIX={prefix}"))?;
        quiet(cmd!(shell, "make --silent --directory capi install PREFIX={debug} PROFILE=dev"))?;
        quiet(cmd!(shell, "make --silent --directory capi install PREFIX=/usr DESTDIR={work}/package"))?;
        let file = shell.read_file(work.join("package/usr/lib/pkgconfig/tcp_reset.pc"))?;
        ensure!(file.lines().any(|line| line == "prefix=/usr"), "tcp_reset.pc has another prefix");
        let (major, _) = version.rsplit_once('.').context("capi: its version")?;
        self.installed(prefix, &format!("libtcp_reset.so.{major}"))
    }

    /// The header, the version and the name of the library in this folder.
    fn installed(&self, prefix: &Path, name: &str) -> Result<()> {
        let Self { shell, version, .. } = self;
        cmd!(shell, "cmp {HEADER} {prefix}/include/tcp_reset.h").run()?;
        let installed = cmd!(shell, "pkg-config --modversion tcp_reset")
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
            .read()?;
        ensure!(installed == *version, "pkg-config says version {installed}");
        let dynamic = cmd!(shell, "readelf --dynamic {prefix}/lib/libtcp_reset.so").read()?;
        ensure!(dynamic.contains(&format!("Library soname: [{name}]")), "another soname than {name}:\n{dynamic}");
        Ok(())
    }

    /// The same by cargo-c.
    fn cargo_c(&self) -> Result<()> {
        let Self { shell, libraries, work, version, .. } = self;
        let prefix = work.join("cargo-c");
        quiet(
            cmd!(shell, "cargo cinstall --locked --release --manifest-path capi/Cargo.toml --target-dir {libraries}")
                .args([format!("--prefix={}", prefix.display()), format!("--libdir={}/lib", prefix.display())]),
        )?;
        let (major, _) = version.rsplit_once('.').context("capi: its version")?;
        self.installed(&prefix, &format!("libtcp_reset.so.{major}"))?;
        self.symbols_of(&prefix)
    }

    /// The functions of the header.
    fn functions(&self) -> Result<BTreeSet<String>> {
        let header = self.shell.read_file(HEADER)?;
        let code = header.lines().filter(|line| !line.starts_with(" *") && !line.starts_with("/*"));
        let code = code.collect::<Vec<_>>().join("\n");
        let calls = Regex::new(r"\b(tcp_reset_[a-z0-9_]+)\(")?;
        Ok(calls.captures_iter(&code).map(|call| call[1].to_owned()).collect())
    }

    /// What the libraries export is the header's functions, all of them and nothing else. libtcp_reset.a also holds hidden
    /// compiler helpers that this target does not use.
    fn symbols_of(&self, prefix: &Path) -> Result<()> {
        let shell = &self.shell;
        let functions = self.functions()?;
        let (shared, archive) = (prefix.join("lib/libtcp_reset.so"), prefix.join("lib/libtcp_reset.a"));
        let listed = cmd!(shell, "nm --dynamic --defined-only --format=posix {shared}").read()?;
        let exported: BTreeSet<_> =
            listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        ensure!(exported == functions, "{} exports {exported:?}, the header has {functions:?}", shared.display());
        let listed = cmd!(shell, "readelf --syms --wide {archive}").read()?;
        let words = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let exported: BTreeSet<_> = words
            .filter(|words| matches!(words[..], [_, _, _, _, "GLOBAL" | "WEAK", "DEFAULT", section, _, ..] if section != "UND"))
            .map(|words| words[7].to_owned())
            .collect();
        ensure!(exported == functions, "{} exports {exported:?}, the header has {functions:?}", archive.display());
        let unwanted = Regex::new("(?i)panic|unwind|personality|alloc|_ZN3std|_R[A-Za-z0-9]*3std")?;
        for library in [shared, archive] {
            let symbols = cmd!(shell, "nm {library}").ignore_stderr().read()?;
            let found: Vec<_> = symbols.lines().filter(|line| unwanted.is_match(line)).collect();
            ensure!(found.is_empty(), "{} has these:\n{}", library.display(), found.join("\n"));
        }
        Ok(())
    }

    /// Also in a debug build. Our object calls nothing but memcpy and similar.
    fn symbols(&self) -> Result<()> {
        let functions = self.functions()?;
        ensure!(functions.len() >= 8, "the header has the functions {functions:?} only");
        self.symbols_of(&self.prefix)?;
        self.symbols_of(&self.debug)?;
        let (shell, prefix) = (&self.shell, &self.prefix);
        // LIBRARY[OBJECT]: SYMBOL TYPE ...
        let listed =
            cmd!(shell, "nm --print-file-name --format=posix {prefix}/lib/libtcp_reset.a").ignore_stderr().read()?;
        let symbols = || listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = symbols().find(|words| matches!(words[..], [_, "tcp_reset_packet", "T", ..]));
        let ours = ours.context("no object has tcp_reset_packet")?[0];
        let needed: BTreeSet<_> =
            symbols().filter(|words| words[0] == ours && words[2] == "U").map(|words| words[1]).collect();
        let allowed = BTreeSet::from(["memcpy", "memmove", "memset", "memcmp"]);
        ensure!(needed.is_subset(&allowed), "it needs {needed:?}");
        println!("exported: {} functions; needed: {needed:?}", functions.len());
        Ok(())
    }

    /// Included twice, for the guard, as the standards and as other projects have it: lwIP's flags are from its
    /// Common.allports.mk, FreeRTOS+TCP's, with gnu90, from its test/build-combination.
    fn header(&self) -> Result<()> {
        let (shell, work) = (&self.shell, &self.work);
        let lwip = "-pedantic -Werror -Wparentheses -Wsequence-point -Wswitch-default -Wextra -Wundef -Wshadow \
                    -Wpointer-arith -Wcast-qual -Wc++-compat -Wwrite-strings -Wold-style-definition -Wcast-align \
                    -Wmissing-prototypes -Wnested-externs -Wunreachable-code -Wuninitialized -Waggregate-return \
                    -Wlogical-not-parentheses -Wredundant-decls -Wlogical-op -Wtrampolines -Wc90-c99-compat";
        regenerate::header(self.project, &regenerate::HeaderOptions { check: true })?;
        let compile = |compiler: &str, standard: &str, flags: &[&str], file: &Path| {
            cmd!(shell, "{compiler} -std={standard} {flags...} -include {HEADER} -fsyntax-only {file}").quiet().run()
        };
        let header = Path::new(HEADER);
        for standard in ["c99", "c11", "c17"] {
            compile("gcc", standard, &[&WARNINGS[..], &["-Wc++-compat", "-xc"]].concat(), header)?;
        }
        compile("gcc", "gnu90", &[&WARNINGS[..], &["-Wconversion", "-Wredundant-decls", "-xc"]].concat(), header)?;
        let lwip: Vec<_> = ["-Wall", "-xc"].into_iter().chain(lwip.split_whitespace()).collect();
        compile("gcc", "gnu99", &lwip, header)?;
        // C++ can name each structure.
        let names = work.join("names.cpp");
        let structures =
            "tcp_reset_config config = TCP_RESET_CONFIG_INIT; tcp_reset_numbers numbers; tcp_reset_reason reason;";
        shell.write_file(&names, format!("{structures}\n"))?;
        for standard in ["c++98", "c++11", "c++17", "c++20"] {
            for file in [header, &names] {
                compile("g++", standard, &[&WARNINGS[..], &["-xc++"]].concat(), file)?;
            }
        }
        // The library writes four bytes, where an enum may have one: no program may have such an enum.
        let file = work.join("enum.c");
        shell.write_file(
            &file,
            "void f(void) { enum tcp_reset_reason why; tcp_reset_packet(0, 0, 0, 0, 0, &why); }\n",
        )?;
        let said = refusal(cmd!(shell, "gcc -include {HEADER} -fsyntax-only {file}").env("LC_ALL", "C"))?;
        let said = said.context("a program can declare an enum for the reason")?;
        ensure!(said.contains("storage size of 'why' isn't known"), "{said}");
        Ok(())
    }

    /// The reasons of src/no_reset.rs, for tests/vectors.c: name, constant, number, text. A constant that the header lacks
    /// does not compile.
    fn reasons(&self) -> Result<()> {
        let source = self.shell.read_file("src/no_reset.rs")?;
        let numbers = Regex::new(r"(?m)^    ([A-Z][A-Za-z]*) = ([0-9]+),$")?;
        let numbers: BTreeMap<_, _> = numbers
            .captures_iter(&source)
            .map(|found| found.extract().1)
            .map(|[name, number]| (name, number))
            .collect();
        let texts = Regex::new(r#"(?m)^            Self::([A-Za-z]+) => (".*"),$"#)?;
        let capital = Regex::new("[A-Z]")?;
        let mut lines = Vec::new();
        for (_, [name, text]) in texts.captures_iter(&source).map(|found| found.extract()) {
            let constant = capital.replace_all(name, "_$0").to_uppercase();
            let number = numbers.get(name).with_context(|| format!("{name} has no number"))?;
            lines.push(format!("{{\"{name}\", TCP_RESET_REASON{constant}, {number}, {text}}},\n"));
        }
        ensure!(!lines.is_empty() && lines.len() == numbers.len(), "{} numbers, {} texts", numbers.len(), lines.len());
        Ok(self.shell.write_file(self.work.join("reasons.h"), lines.concat())?)
    }

    /// The program of capi/tests/NAME.c.
    fn build(&self, name: &str, library: &Path, flags: &[&str]) -> Result<PathBuf> {
        let (shell, work) = (&self.shell, &self.work);
        let program = work.join(name);
        cmd!(shell, "gcc -std=c99 {WARNINGS...} -fshort-enums -g -O1 {flags...} -Icapi/include -I{work}")
            .args([Path::new(&format!("capi/tests/{name}.c")), library, Path::new("-o"), &program])
            .quiet()
            .run()?;
        Ok(program)
    }

    /// A program of an older version, with the shared library.
    fn old_program(&self) -> Result<()> {
        let program = self.build("old_program", &self.prefix.join("lib/libtcp_reset.so"), &[])?;
        Ok(cmd!(self.shell, "{program}").run()?)
    }

    /// A nightly compiler instruments Rust's code as well; gcc's runtime serves both. UBSan looks at the C side.
    fn sanitizers(&self) -> Result<()> {
        let Self { shell, libraries, .. } = self;
        let nightly = format!("+{}", self.project.version("NIGHTLY"));
        let host = cmd!(shell, "rustc {nightly} --print host-tuple").read()?;
        cmd!(shell, "cargo {nightly} build --quiet --locked --release --manifest-path capi/Cargo.toml --target {host}")
            .arg("--target-dir")
            .arg(libraries.join("sanitized"))
            .env("RUSTFLAGS", "-Zsanitizer=address")
            .run()?;
        let library = libraries.join("sanitized").join(&host).join("release/libtcp_reset.a");
        let symbols = cmd!(shell, "nm {library}").ignore_stderr().read()?;
        ensure!(symbols.contains("__asan_report_load"), "the library is not instrumented");
        let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        self.memory(&library, &flags, &[], "heap-buffer-overflow")
    }

    fn valgrind(&self) -> Result<()> {
        let valgrind = ["valgrind", "--quiet", "--leak-check=full", "--partial-loads-ok=no", "--error-exitcode=9"];
        self.memory(&self.prefix.join("lib/libtcp_reset.a"), &[], &valgrind, "Invalid read")
    }

    /// The tests under a checker of memory, which has to find the mistake in a program that has one.
    fn memory(&self, library: &Path, flags: &[&str], checker: &[&str], mistake: &str) -> Result<()> {
        let Self { shell, vectors, .. } = self;
        let run = |program: &PathBuf| cmd!(shell, "env {checker...} {program}").quiet();
        run(&self.build("arguments", library, flags)?).run()?;
        run(&self.build("vectors", library, flags)?).args(vectors).run()?;
        let said = refusal(run(&self.build("deliberate_overflow", library, flags)?))?;
        let said = said.context("the checker does not find the mistake in tests/deliberate_overflow.c")?;
        let mut lines = said.lines().skip_while(|line| !line.contains(mistake));
        println!("{}", lines.next().with_context(|| format!("no {mistake}:\n{said}"))?);
        // gcc's sanitizer says next whether it was a read; valgrind has said it.
        let is_read = !checker.is_empty() || lines.take(3).any(|line| line.contains("READ of size"));
        ensure!(is_read, "it is no read:\n{said}");
        Ok(())
    }

    /// The examples as their users build them, against what was installed.
    fn examples(&self) -> Result<()> {
        let Self { shell, work, prefix, debug, .. } = self;
        let warnings = WARNINGS.join(" ");
        let (make, cmake, meson) = (work.join("make"), work.join("cmake"), work.join("meson"));
        cmd!(shell, "cp -r capi/examples {make}").run()?;
        let flags = format!("CFLAGS=-std=c99 -O2 {warnings}");
        cmd!(shell, "make --quiet --directory {make} {flags}").run()?;
        let reset = cmd!(shell, "{make}/print_reset").read()?;
        ensure!(!reset.is_empty(), "print_reset prints nothing");
        let flags = format!("-DCMAKE_C_FLAGS={warnings}");
        for library in [prefix, debug] {
            shell.remove_path(&cmake)?;
            quiet(cmd!(shell, "cmake -S capi/examples -B {cmake} -DCMAKE_PREFIX_PATH={library} {flags}"))?;
            quiet(cmd!(shell, "cmake --build {cmake}"))?;
            let dynamic = cmd!(shell, "readelf --dynamic {cmake}/print_reset").read()?;
            ensure!(dynamic.contains(&format!("{}/lib", library.display())), "CMake has linked another library");
            let printed = cmd!(shell, "{cmake}/print_reset").read()?;
            ensure!(printed == reset, "built by CMake, print_reset prints {printed}");
        }
        quiet(cmd!(shell, "meson setup --werror {meson} capi/examples"))?;
        quiet(cmd!(shell, "meson compile -C {meson}"))?;
        let printed = cmd!(shell, "{meson}/print_reset").read()?;
        ensure!(printed == reset, "built by Meson, print_reset prints {printed}");
        let said = refusal(cmd!(shell, "{make}/print_reset 4x"))?.context("print_reset takes what is no packet")?;
        ensure!(said.lines().count() == 1, "print_reset says more than a line:\n{said}");
        Ok(())
    }

    /// The tests of the firewall in Rust (linux/tests/clients) try the one in C.
    fn firewall(&self) -> Result<()> {
        let shell = &self.shell;
        let tests = ["test", "--quiet", "--release", "-p", "tcp-reset-linux", "--test", "clients"];
        cmd!(shell, "cargo {tests...} --no-run").run()?;
        let queue = self.work.join("make/nfqueue");
        let tests = cmd!(shell, "timeout 300 cargo {tests...} -- queue");
        Ok(tests.env("TCP_RESET_QUEUE", queue).env("TCP_RESET_MIB", "16").run()?)
    }

    fn lwip(&self) -> Result<()> {
        let (shell, host) = (&self.shell, self.work.join("host"));
        let flags = cmd!(shell, "pkg-config --cflags --libs lwip tcp_reset").read()?;
        // Its headers are a system's: no warnings for them.
        cmd!(shell, "gcc -std=gnu99 {WARNINGS...} -O2 -isystem /usr/include/lwip capi/lwip/host.c")
            .args(flags.split_whitespace())
            .arg("-o")
            .arg(&host)
            .run()?;
        Ok(cmd!(shell, "timeout 120 unshare --net python3 capi/lwip/test.py {host}").run()?)
    }

    /// The libraries that the step before has measured, linked by arm-none-eabi-gcc into the same tests, on a Cortex-M in QEMU.
    fn cortex_m(&self) -> Result<()> {
        let Self { shell, libraries, work, vectors, .. } = self;
        for (machine, cpu) in [("thumbv7em-none-eabi", "cortex-m4"), ("thumbv6m-none-eabi", "cortex-m0")] {
            if !self.project.has_target(machine)? {
                return Ok(());
            }
            println!("{machine}:");
            for (program, line) in [("arguments", ARGUMENTS), ("vectors", VECTORS)] {
                // As with many flags of such a machine, an enum is as short as it can be.
                let flags = ["-fshort-enums", "-mthumb", "-mfloat-abi=soft", "-O1", "--specs=rdimon.specs"];
                let linker =
                    ["-Wl,--section-start=.vectors=0,-Tdata=0x20000000", "-Wl,--no-warn-rwx-segments,-z,noexecstack"];
                cmd!(shell, "arm-none-eabi-gcc -std=c99 {WARNINGS...} -mcpu={cpu} {flags...} -Icapi/include -I{work}")
                    .args([format!("capi/tests/{program}.c"), "capi/tests/cortex-m.c".to_owned()])
                    .arg(libraries.join(machine).join("release/libtcp_reset.a"))
                    .args(linker)
                    .arg("-o")
                    .arg(work.join("cortex-m.elf"))
                    .quiet()
                    .run()?;
                // One file at a time: newlib's start code takes 255 bytes of arguments.
                let files = if program == "vectors" { &vectors[..] } else { &[PathBuf::new()] };
                for file in files {
                    let options = format!("enable=on,target=native,arg={program},arg={}", file.display());
                    let machine = ["-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"];
                    said(
                        cmd!(shell, "timeout 60 qemu-system-arm {machine...} -semihosting-config {options} -kernel")
                            .arg(work.join("cortex-m.elf")),
                        line,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// The same tests on a big-endian machine, in QEMU.
    fn big_endian(&self) -> Result<()> {
        let Self { shell, libraries, work, vectors, .. } = self;
        let machine = "s390x-unknown-linux-gnu";
        if !self.project.has_target(machine)? {
            return Ok(());
        }
        cmd!(shell, "cargo build --quiet --locked --release --manifest-path capi/Cargo.toml --target {machine}")
            .arg("--target-dir")
            .arg(libraries)
            .run()?;
        for (program, line) in [("arguments", ARGUMENTS), ("vectors", VECTORS)] {
            cmd!(
                shell,
                "s390x-linux-gnu-gcc -std=c99 {WARNINGS...} -O1 -Icapi/include -I{work} capi/tests/{program}.c"
            )
            .arg(libraries.join(machine).join("release/libtcp_reset.a"))
            .arg("-o")
            .arg(work.join("big-endian"))
            .quiet()
            .run()?;
            said(cmd!(shell, "timeout 120 qemu-s390x -L /usr/s390x-linux-gnu {work}/big-endian {vectors...}"), line)?;
        }
        Ok(())
    }
}

/// Fails unless the program prints a line that ends so.
fn said(program: Cmd, line: &str) -> Result<()> {
    let printed = program.quiet().read()?;
    let found = printed.lines().find(|printed| printed.ends_with(line));
    println!("{}", found.with_context(|| format!("no line `{line}`:\n{printed}"))?);
    Ok(())
}

/// What the command says if it fails.
fn refusal(command: Cmd) -> Result<Option<String>> {
    let output = command.quiet().ignore_status().output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Some(said).filter(|_| !output.status.success()))
}
