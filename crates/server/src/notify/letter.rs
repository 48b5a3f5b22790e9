//! The form of a message: greeting, a few paragraphs, facts, one link to go on, and why it came.

use askama::Template;

/// A message before it has a form.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "mail/letter.html")]
pub struct Letter {
    /// The subject.
    pub subject: String,
    /// Whom it greets by name, or empty.
    pub name: String,
    /// What it says, a paragraph each.
    pub paragraphs: Vec<String>,
    /// Figures and words beside their labels.
    pub facts: Vec<(String, String)>,
    /// Words of another person, as they were written.
    pub quote: Option<String>,
    /// Where to go on: what that is called, and the whole address.
    pub link: Option<(String, String)>,
    /// Small print below: why it came.
    pub footer: String,
    /// The whole address where it can be stopped, if it can.
    pub choices: Option<String>,
    /// The programme's name.
    pub programme: String,
    /// It holds a one-time address.
    pub secret: bool,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Plain<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/short.txt")]
struct Short<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// For mail programs that show HTML.
    pub fn html(&self) -> String {
        self.render().expect("a letter of texts can be rendered")
    }

    /// For mail programs that show plain text.
    pub fn text(&self) -> String {
        let text = Plain { letter: self }.render().expect("a letter of texts can be rendered");
        close_gaps(&text) + "\n"
    }

    /// For Telegram.
    pub fn short(&self) -> String {
        let text = Short { letter: self }.render().expect("a letter of texts can be rendered");
        close_gaps(&text)
    }
}

/// Parts that are left out leave empty lines behind: of several, one stays.
fn close_gaps(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.trim().lines() {
        if !line.is_empty() || lines.last().is_some_and(|before| !before.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\n")
}
