//! Checks that the guides lead somewhere: every relative link, picture and anchor in the Markdown files, and
//! every path of this repository that they name in `code`.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Folders whose content comes and goes; nothing in them is looked for or read.
const GENERATED: [&str; 5] = ["target", "node_modules", "goodword-data", "e2e/out", "e2e/node_modules"];

/// Checks all Markdown files below `root`.
///
/// # Errors
/// When a reference leads nowhere; each is printed with its file and line.
pub fn check(root: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(root, Path::new(""), &mut files)?;
    files.sort();
    if files.is_empty() {
        bail!("no Markdown file found in {}", root.display());
    }
    let mut documents = HashMap::new();
    for file in &files {
        let text = std::fs::read_to_string(root.join(file))
            .with_context(|| format!("{} can't be read", file.display()))?;
        documents.insert(file.clone(), Document::read(&text));
    }

    let mut references = 0;
    let mut dead = 0;
    for file in &files {
        for reference in &documents[file].references {
            references += 1;
            if let Some(why) = why_dead(root, file, reference, &documents) {
                dead += 1;
                eprintln!("{}:{}: `{}`: {why}", file.display(), reference.line, reference.target);
            }
        }
    }
    if dead > 0 {
        bail!("{dead} of {references} links and paths in the guides lead nowhere");
    }
    println!("links: {references} links and paths in {} Markdown files lead somewhere", files.len());
    Ok(())
}

/// What one Markdown file points to, and what can be pointed to in it.
#[derive(Default)]
struct Document {
    references: Vec<Reference>,
    anchors: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Reference {
    line: usize,
    target: String,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// From the file's own folder, as a browser follows it.
    Link,
    /// From the top of the repository, as a reader types it.
    Path,
}

impl Document {
    fn read(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = 1 + text[..range.start].matches('\n').count();
            let mut refer = |target: String, kind| document.references.push(Reference { line, target, kind });
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                    if is_relative(&dest_url) =>
                {
                    refer(dest_url.into_string(), Kind::Link);
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    for target in attributes(&html).into_iter().filter(|target| is_relative(target)) {
                        refer(target, Kind::Link);
                    }
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    if !code.contains(char::is_whitespace) {
                        refer(code.into_string(), Kind::Path);
                    }
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    if let Some(title) = heading.take() {
                        document.add_anchor(&title);
                    }
                }
                _ => {}
            }
        }
        document
    }

    /// Remembers the anchor that forges make of a heading; a repeated one gets `-1`, `-2`, ...
    fn add_anchor(&mut self, title: &str) {
        let plain: String = title
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let mut anchor = plain.clone();
        let mut repeated = 0;
        while self.anchors.contains(&anchor) {
            repeated += 1;
            anchor = format!("{plain}-{repeated}");
        }
        self.anchors.push(anchor);
    }
}

/// Says why a reference leads nowhere, or `None` when it leads somewhere or isn't one of ours.
fn why_dead(
    root: &Path,
    file: &Path,
    reference: &Reference,
    documents: &HashMap<PathBuf, Document>,
) -> Option<String> {
    let (path, anchor) = match reference.target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (reference.target.as_str(), None),
    };
    let target = match reference.kind {
        Kind::Path => normal(Path::new(path_in_repository(root, path)?)),
        Kind::Link if path.is_empty() => Some(file.to_owned()),
        Kind::Link if path.starts_with('/') => {
            return Some("a link from the top of a host leads elsewhere on every host".to_owned());
        }
        Kind::Link => normal(&file.parent().unwrap_or(Path::new("")).join(path)),
    };
    let Some(target) = target else {
        return Some("leads out of the repository".to_owned());
    };
    if GENERATED.iter().any(|folder| target.starts_with(folder)) {
        return None;
    }
    if !root.join(&target).exists() {
        return Some(format!("there is no {}", target.display()));
    }
    let anchor = anchor?;
    let document = documents.get(&target)?;
    if document.anchors.iter().any(|it| it == anchor) {
        return None;
    }
    Some(format!("{} has no heading for #{anchor}", target.display()))
}

/// The path that a word in `code` names, if it begins with a folder of this repository. `cargo/test`,
/// `/sign-up` and `crates/*/src` are not paths to check.
fn path_in_repository<'a>(root: &Path, word: &'a str) -> Option<&'a str> {
    let (first, _) = word.split_once('/')?;
    let is_ours = !matches!(first, "" | "." | "..") && root.join(first).is_dir();
    let is_pattern =
        word.contains(['*', '{', '<', '$', '…']) || word.contains("...") || word.contains("NNNN");
    if !is_ours || is_pattern {
        return None;
    }
    match word.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|b| b.is_ascii_digit()) => Some(path),
        _ => Some(word),
    }
}

/// `docs/../README.md` -> `README.md`; `None` when it climbs out.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

fn is_relative(target: &str) -> bool {
    let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    !has_scheme && !target.starts_with("//")
}

/// The values of `src`, `srcset` and `href` in a piece of HTML, as READMEs use it for pictures.
fn attributes(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in [" src=\"", " srcset=\"", " href=\""] {
        for (start, _) in html.match_indices(name) {
            let value = &html[start + name.len()..];
            if let Some((value, _)) = value.split_once('"') {
                found.push(value.to_owned());
            }
        }
    }
    found
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let place = root.join(folder);
    for entry in place.read_dir().with_context(|| format!("{} can't be read", place.display()))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || GENERATED.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|it| it == "md") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository in a folder of its own, removed at the end.
    struct Repository(PathBuf);

    impl Repository {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-links-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(root)
        }

        /// `file: target: why` for everything dead in `README.md`.
        fn dead(&self) -> Vec<String> {
            let mut files = Vec::new();
            collect(&self.0, Path::new(""), &mut files).unwrap();
            let documents: HashMap<_, _> = files
                .into_iter()
                .map(|file| {
                    let text = std::fs::read_to_string(self.0.join(&file)).unwrap();
                    (file, Document::read(&text))
                })
                .collect();
            let readme = Path::new("README.md");
            documents[readme]
                .references
                .iter()
                .filter_map(|it| Some((it.line, why_dead(&self.0, readme, it, &documents)?)))
                .map(|(line, why)| format!("{line}: {why}"))
                .collect()
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn links_that_lead_somewhere_are_accepted() {
        let repository = Repository::with(
            "alive",
            &[
                (
                    "README.md",
                    "# Top\n[a](docs/a.md) [b](docs/a.md#two-words) [c](#top) [d](docs) ![e](docs/i.png)\n<img src=\"docs/i.png\">\n[f][ref]\n\n[ref]: docs/a.md\n",
                ),
                ("docs/a.md", "## Two *words*\n[up](../README.md)\n"),
                ("docs/i.png", ""),
            ],
        );
        assert_eq!(repository.dead(), Vec::<String>::new());
        check(&repository.0).unwrap();
    }

    #[test]
    fn dead_links_are_named_with_their_line() {
        let repository = Repository::with(
            "dead",
            &[
                (
                    "README.md",
                    "[a](docs/b.md)\n\n[b](docs/a.md#three)\n\n[c](../x.md)\n\n<img alt=\"\" src=\"i.png\">\n\n[d](/docs/a.md)\n\n[e][ref]\n\n[ref]: no.md\n",
                ),
                ("docs/a.md", "## Two\n"),
            ],
        );
        assert_eq!(
            repository.dead(),
            [
                "1: there is no docs/b.md",
                "3: docs/a.md has no heading for #three",
                "5: leads out of the repository",
                "7: there is no i.png",
                "9: a link from the top of a host leads elsewhere on every host",
                "11: there is no no.md",
            ]
        );
        let error = check(&repository.0).unwrap_err().to_string();
        assert_eq!(error, "6 of 6 links and paths in the guides lead nowhere");
    }

    #[test]
    fn paths_named_in_code_must_exist() {
        let repository = Repository::with(
            "paths",
            &[
                (
                    "README.md",
                    "`crates/a/lib.rs` `crates/a/` `crates/a/lib.rs:12`\n`crates/b.rs`\n`crates/*/x` `/sign-up` `text/html` `crates/<name>` `cargo run crates/no`\n",
                ),
                ("crates/a/lib.rs", ""),
            ],
        );
        assert_eq!(repository.dead(), ["2: there is no crates/b.rs"]);
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let text = "[a](https://example.com/x) [b](mailto:a@example.com) [c](//host/x)\n\n```\n[d](no.md) `crates/no.rs`\n```\n    [e](no.md)\n";
        assert_eq!(Document::read(text).references, []);
        let repository =
            Repository::with("generated", &[("README.md", "[a](e2e/out/x.png) `target/debug`\n")]);
        assert_eq!(repository.dead(), Vec::<String>::new());
    }

    #[test]
    fn anchors_are_those_that_forges_make() {
        let document =
            Document::read("# How money flows\n## `goodword verify`: what for?\n## Same\n## Same\n");
        assert_eq!(document.anchors, ["how-money-flows", "goodword-verify-what-for", "same", "same-1"]);
    }

    #[test]
    fn a_repository_without_guides_is_an_error() {
        let repository = Repository::with("empty", &[("src/lib.rs", "")]);
        assert!(check(&repository.0).unwrap_err().to_string().starts_with("no Markdown file found"));
    }
}
