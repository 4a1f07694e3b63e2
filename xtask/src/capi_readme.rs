//! The commands of `capi/README.md` as a new user runs them: in a copy of the repository, with Rust from rustup, in a home
//! directory with nothing else in it; what they print is compared with the page. It needs root or sudo, for apt-get.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};
use regex::Regex;
use xshell::cmd;

use crate::ci::quiet;
use crate::project::Project;

pub fn run(project: &Project) -> Result<()> {
    let start = Instant::now();
    let shell = project.shell.clone();
    let new = project.root.join("capi/target/new-user");
    shell.remove_path(&new)?;
    let home = shell.create_dir(new.join("home"))?;
    let clone = shell.create_dir(new.join("clone"))?;
    let files = cmd!(shell, "git ls-files -z --cached --others --exclude-standard").quiet().read()?;
    let files = files.split_terminator('\0');
    cmd!(shell, "cp --parents --target-directory={clone} {files...}").quiet().run()?;

    // Each block of commands, and the output that follows it.
    let mut blocks: Vec<(String, Option<String>)> = Vec::new();
    let page = shell.read_file("capi/README.md")?;
    for (_, [kind, text]) in
        Regex::new(r"(?ms)^```(\w*)\n(.*?)^```$")?.captures_iter(&page).map(|block| block.extract())
    {
        match (kind, blocks.last_mut()) {
            ("sh", _) => blocks.push((text.to_owned(), None)),
            ("text", Some((_, output @ None))) => *output = Some(text.to_owned()),
            _ => (),
        }
    }
    // One shell for all, as they change the folder and the environment. Root needs no sudo.
    let mut all = "set -e\ntest \"$(id -u)\" != 0 || sudo() { \"$@\"; }\n".to_owned();
    for (number, (commands, _)) in blocks.iter().enumerate() {
        shell.write_file(new.join(format!("{number}.sh")), commands)?;
        writeln!(all, "source {0}/{number}.sh >{0}/{number}.out", new.display())?;
    }
    let script = new.join("all.sh");
    shell.write_file(&script, all)?;
    // The programs themselves, not rustup's stand-ins, which look for their settings in the home directory.
    let rust = cmd!(shell, "rustc --print sysroot").quiet().read()?;
    let environment = [
        format!("HOME={}", home.display()),
        format!("PATH={rust}/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
        "LC_ALL=C".to_owned(),
        "DEBIAN_FRONTEND=noninteractive".to_owned(),
    ];
    shell.change_dir(&clone);
    quiet(cmd!(shell, "env -i {environment...} bash {script}"))?;
    let mut compared = 0;
    for (number, expected) in blocks.iter().enumerate().filter_map(|(number, block)| Some((number, block.1.as_ref()?)))
    {
        let printed = shell.read_file(new.join(format!("{number}.out")))?;
        // apt-get prints before it.
        let same = format!("\n{printed}").ends_with(&format!("\n{expected}"));
        ensure!(same, "another output than on the page, which has\n{expected}\nprinted:\n{printed}");
        compared += 1;
    }
    ensure!(compared == 3, "{compared} outputs on the page, not 3");
    println!("the commands of capi/README.md print what it says, in {} s", start.elapsed().as_secs());
    Ok(())
}
