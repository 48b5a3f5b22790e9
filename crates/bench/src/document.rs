//! docs/performance.md: written by hand, with a place for each scenario's table between two markers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The document of a repository.
pub struct Document(PathBuf);

impl Document {
    /// Where the document is.
    pub fn in_repository(top: &Path) -> Document {
        Document(top.join("docs/performance.md"))
    }

    /// Puts new text between the markers of a name; everything else stays as it was.
    pub fn renew(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.display();
        let old = std::fs::read_to_string(&self.0).with_context(|| format!("{path} can't be read"))?;
        let new = with_block(&old, name, text).with_context(|| format!("{path} can't be renewed"))?;
        std::fs::write(&self.0, new).with_context(|| format!("{path} can't be written"))
    }
}

/// The document with another text between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`.
fn with_block(document: &str, name: &str, text: &str) -> Result<String> {
    let (open, close) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    for marker in [&open, &close] {
        if document.matches(marker.as_str()).count() != 1 {
            bail!("the line {marker} must stand in it once");
        }
    }
    let (before, rest) = document.split_once(&open).context("an opening marker")?;
    let (_, after) = rest.split_once(&close).context("the closing marker stands before the opening one")?;
    Ok(format!("{before}{open}\n\n{}\n\n{close}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    const TEXT: &str = "# By hand\n\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n\nwords\n<!-- bench:b -->\n<!-- /bench:b -->\n";

    #[test]
    fn one_block_is_renewed_and_everything_else_stays() {
        let new = with_block(TEXT, "a", "| new |\n").unwrap();
        let expected = "# By hand\n\n<!-- bench:a -->\n\n| new |\n\n<!-- /bench:a -->\n\nwords\n<!-- bench:b -->\n<!-- /bench:b -->\n";
        assert_eq!(new, expected);
        assert_eq!(with_block(&new, "a", "| new |").unwrap(), new, "again changes nothing");
    }

    #[test]
    fn a_missing_or_doubled_marker_is_named() {
        let error = with_block(TEXT, "c", "").unwrap_err().to_string();
        assert!(error.contains("<!-- bench:c -->"), "{error}");
        let twice = format!("{TEXT}{TEXT}");
        assert!(with_block(&twice, "a", "").is_err());
        assert!(with_block("<!-- /bench:a --><!-- bench:a -->", "a", "").is_err());
    }

    #[test]
    fn every_scenario_has_its_place_in_the_document() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let document = std::fs::read_to_string(top.join("docs/performance.md")).unwrap();
        for scenario in crate::scenarios::Scenario::value_variants() {
            with_block(&document, scenario.name(), "x").unwrap();
        }
    }
}
