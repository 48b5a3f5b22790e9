//! Writing XML: elements and texts, escaped, indented by two spaces.

/// A document that is being written.
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    pub(super) fn new() -> Xml {
        Xml { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), open: Vec::new() }
    }

    /// An element with what stands in it.
    pub(super) fn element(&mut self, name: &'static str, inside: impl FnOnce(&mut Xml)) {
        self.element_with(name, "", inside);
    }

    /// The same with attributes: written as they are, so only ever our own.
    pub(super) fn element_with(
        &mut self,
        name: &'static str,
        attributes: &str,
        inside: impl FnOnce(&mut Xml),
    ) {
        self.indent();
        self.text.push_str(&format!("<{name}{attributes}>\n"));
        self.open.push(name);
        inside(self);
        self.open.pop();
        self.indent();
        self.text.push_str(&format!("</{name}>\n"));
    }

    /// An element that holds a text.
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.text_with(name, "", text);
    }

    /// The same with attributes of our own.
    pub(super) fn text_with(&mut self, name: &'static str, attributes: &str, text: &str) {
        self.indent();
        self.text.push_str(&format!("<{name}{attributes}>{}</{name}>\n", escape(text)));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.open.len()));
    }
}

/// A text as it stands in an element. What XML 1.0 can't hold at all is left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_elements_closed() {
        let mut xml = Xml::new();
        xml.element_with("A", " x=\"1\"", |xml| {
            xml.text("B", "<&>\"'\u{0}\u{ffff}\n");
            xml.element("C", |_| {});
        });
        let lines: Vec<String> = xml.finish().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(lines, ["<A x=\"1\">", "  <B>&lt;&amp;&gt;&quot;&apos; </B>", "  <C>", "  </C>", "</A>"]);
    }
}
