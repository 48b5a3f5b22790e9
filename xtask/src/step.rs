//! Running one command under a heading: what is done, how long it took, and one clear sentence when it failed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The top of the repository, wherever `cargo xtask` was called from.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// Runs `work` between a heading and a closing line with the time it took.
///
/// # Errors
/// What `work` answered, with the title of the step in front.
pub fn step(title: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n==> {title}");
    let started = Instant::now();
    work().with_context(|| format!("{title}: failed after {}", spoken(started.elapsed())))?;
    println!("==> {title}: done in {}", spoken(started.elapsed()));
    Ok(())
}

/// A command that runs at the top of the repository.
pub fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs this program, so that a chosen toolchain stays chosen.
pub fn cargo(arguments: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments)
}

/// Prints the command and runs it with this terminal.
///
/// # Errors
/// When it can't be started or doesn't end with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// As [`run`], for commands that have much to say: it is shown only when they fail.
///
/// # Errors
/// As [`run`].
pub fn run_quietly(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let output = command.output().with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(())
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let words = command.get_args().map(|word| {
        let word = word.to_string_lossy();
        if word.contains(' ') { format!("'{word}'") } else { word.into_owned() }
    });
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

/// `7.3 s`, `2 min 05 s`.
pub fn spoken(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    format!("{} min {:02} s", tenths / 600, tenths % 600 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        assert_eq!(spoken(Duration::from_millis(7_340)), "7.3 s");
        assert_eq!(spoken(Duration::from_millis(59_999)), "59.9 s");
        assert_eq!(spoken(Duration::from_secs(60)), "1 min 00 s");
        assert_eq!(spoken(Duration::from_millis(125_900)), "2 min 05 s");
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let command = command("/usr/bin/cargo", &["clippy", "--", "-D warnings"]);
        assert_eq!(line(&command), "cargo clippy -- '-D warnings'");
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = run(&mut command("false", &[])).unwrap_err().to_string();
        assert!(error.starts_with("`false` ended with"), "{error}");
        let error = run(&mut command("no-such-program-here", &["now"])).unwrap_err().to_string();
        assert_eq!(error, "`no-such-program-here now` could not be started");
    }
}
