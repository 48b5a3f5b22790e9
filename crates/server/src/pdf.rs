//! A sheet as PDF: a head with details of two sides, some figures, and a table that goes on from page to page. The fonts are
//! embedded, as far as their letters are used.
#![expect(clippy::float_arithmetic, reason = "lengths on paper, in points; no money is calculated here")]

use std::sync::LazyLock;

use krilla::{
    Document,
    color::luma,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::Fill,
    text::{Font, TextDirection},
};
use skrifa::{FontRef, MetadataProvider, instance::LocationRef, prelude::Size};

/// A4, in points (1/72 inch).
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 42.0;
const RIGHT: f32 = WIDTH - MARGIN;
/// Where the second side of the head and the text of a row begin.
const SECOND_SIDE: f32 = WIDTH / 2.0;
const TEXT_AT: f32 = MARGIN + 80.0;
/// Where the two amounts of a row end, and how much room the text has before them.
const AMOUNT_END: f32 = RIGHT - 84.0;
const TEXT_WIDTH: f32 = AMOUNT_END - 78.0 - TEXT_AT;
/// Below this nothing of the table stands.
const BOTTOM: f32 = HEIGHT - MARGIN - 24.0;

const SMALL: f32 = 8.0;
const NORMAL: f32 = 9.0;
const LINE: f32 = 11.5;

/// What is to be printed.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The title.
    pub title: String,
    /// What stands below it.
    pub subtitle: String,
    /// Who sends it: the first line stands out.
    pub sender: Vec<String>,
    /// Who gets it.
    pub receiver: Vec<String>,
    /// Figures with their names.
    pub figures: Vec<(String, String)>,
    /// The names of the columns.
    pub columns: [String; 4],
    /// The table.
    pub rows: Vec<SheetRow>,
    /// What stands below every page.
    pub foot: String,
}

/// A row of the table.
#[derive(Debug, Clone, Default)]
pub struct SheetRow {
    /// When.
    pub date: String,
    /// What it is.
    pub what: String,
    /// More about it, in as many lines as that takes.
    pub why: String,
    /// The two amounts.
    pub amounts: [String; 2],
}

/// A font with the widths of its letters.
struct Face {
    font: Font,
    widths: FontRef<'static>,
}

impl Face {
    fn new(data: &'static [u8]) -> Face {
        let font = Font::new(data.into(), 0).expect("an embedded font can be read");
        Face { font, widths: FontRef::new(data).expect("an embedded font can be read") }
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let letters = self.widths.charmap();
        let widths = self.widths.glyph_metrics(Size::new(size), LocationRef::default());
        let of = |c| letters.map(c).and_then(|glyph| widths.advance_width(glyph)).unwrap_or(size / 2.0);
        text.chars().map(of).sum()
    }
}

static REGULAR: LazyLock<Face> = LazyLock::new(|| Face::new(dejavu::sans_condensed::regular()));
static BOLD: LazyLock<Face> = LazyLock::new(|| Face::new(dejavu::sans_condensed::bold()));

/// Something on a page.
enum Item {
    Text { x: f32, y: f32, size: f32, bold: bool, grey: bool, text: String },
    Rule { y: f32 },
}

/// Text in lines of a width: parted between words, and in a word that is too long for a line.
fn wrap(face: &Face, text: &str, size: f32, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if face.width(&longer, size) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if face.width(&line, size) > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Pages that are being filled.
struct Layout {
    pages: Vec<Vec<Item>>,
    y: f32,
}

impl Layout {
    fn put(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    fn text(&mut self, x: f32, size: f32, bold: bool, grey: bool, text: &str) {
        let (y, text) = (self.y, text.to_owned());
        self.put(Item::Text { x, y, size, bold, grey, text });
    }

    /// Text that ends somewhere, as amounts do.
    fn text_to(&mut self, end: f32, size: f32, bold: bool, grey: bool, text: &str) {
        let face = if bold { &*BOLD } else { &*REGULAR };
        self.text(end - face.width(text, size), size, bold, grey, text);
    }

    fn rule(&mut self) {
        let y = self.y;
        self.put(Item::Rule { y });
    }

    fn head(&mut self, sheet: &Sheet) {
        self.y = MARGIN + 18.0;
        self.text(MARGIN, 18.0, true, false, &sheet.title);
        self.y += 16.0;
        self.text(MARGIN, NORMAL, false, true, &sheet.subtitle);
        self.y += 26.0;
        let top = self.y;
        let mut end = top;
        for (x, side) in [(MARGIN, &sheet.sender), (SECOND_SIDE, &sheet.receiver)] {
            self.y = top;
            for (index, line) in side.iter().enumerate() {
                for line in
                    wrap(if index == 0 { &BOLD } else { &REGULAR }, line, NORMAL, SECOND_SIDE - MARGIN - 12.0)
                {
                    self.text(x, NORMAL, index == 0, index > 0, &line);
                    self.y += LINE;
                }
            }
            end = end.max(self.y);
        }
        self.y = end + 12.0;
        self.rule();
        for (name, value) in &sheet.figures {
            self.y += 15.0;
            self.text(MARGIN, NORMAL, false, false, name);
            self.text_to(RIGHT, NORMAL, true, false, value);
        }
        self.y += 10.0;
        self.rule();
        self.y += 24.0;
    }

    fn columns(&mut self, sheet: &Sheet) {
        let [date, text, change, after] = &sheet.columns;
        self.text(MARGIN, SMALL, true, true, date);
        self.text(TEXT_AT, SMALL, true, true, text);
        self.text_to(AMOUNT_END, SMALL, true, true, change);
        self.text_to(RIGHT, SMALL, true, true, after);
        self.y += 6.0;
        self.rule();
    }

    fn new_page(&mut self, sheet: &Sheet) {
        self.pages.push(Vec::new());
        self.y = MARGIN + SMALL;
        self.columns(sheet);
    }

    fn row(&mut self, sheet: &Sheet, row: &SheetRow) {
        let what = wrap(&BOLD, &row.what, NORMAL, TEXT_WIDTH);
        let why = wrap(&REGULAR, &row.why, SMALL, TEXT_WIDTH);
        let lines =
            what.into_iter().map(|line| (true, line)).chain(why.into_iter().map(|line| (false, line)));
        let lines: Vec<(bool, String)> = lines.collect();
        // A row stays together, unless it is longer than half of a page.
        let height = 6.0 + LINE * f32::from(u16::try_from(lines.len()).unwrap_or(u16::MAX));
        if self.y + height.min(HEIGHT / 2.0) > BOTTOM {
            self.new_page(sheet);
        }
        self.y += 14.0;
        self.text(MARGIN, NORMAL, false, false, &row.date);
        let [change, after] = &row.amounts;
        self.text_to(AMOUNT_END, NORMAL, false, false, change);
        self.text_to(RIGHT, NORMAL, false, false, after);
        for (index, (bold, line)) in lines.iter().enumerate() {
            if index > 0 {
                self.y += LINE;
            }
            if self.y > BOTTOM {
                self.new_page(sheet);
                self.y += 14.0;
            }
            self.text(TEXT_AT, if *bold { NORMAL } else { SMALL }, *bold, !bold, line);
        }
        self.y += 5.0;
        self.rule();
    }
}

fn lay_out(sheet: &Sheet) -> Vec<Vec<Item>> {
    let mut layout = Layout { pages: vec![Vec::new()], y: 0.0 };
    layout.head(sheet);
    layout.columns(sheet);
    for row in &sheet.rows {
        layout.row(sheet, row);
    }
    let mut pages = layout.pages;
    let count = pages.len();
    for (index, page) in pages.iter_mut().enumerate() {
        let y = HEIGHT - MARGIN;
        let text = format!("Page {} of {count}", index + 1);
        let x = RIGHT - REGULAR.width(&text, SMALL);
        page.push(Item::Text { x, y, size: SMALL, bold: false, grey: true, text });
        let text = wrap(&REGULAR, &sheet.foot, SMALL, WIDTH * 0.7).into_iter().next().unwrap_or_default();
        page.push(Item::Text { x: MARGIN, y, size: SMALL, bold: false, grey: true, text });
    }
    pages
}

/// The sheet as a file.
///
/// # Errors
/// When the library refuses what it is given: a defect.
pub fn render(sheet: &Sheet) -> Result<Vec<u8>, String> {
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(sheet.title.clone()).language("en".into()));
    for items in lay_out(sheet) {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or("the page has no size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for item in items {
            let shade = |luma| Some(Fill { paint: luma::Color::new(luma).into(), ..Fill::default() });
            match item {
                Item::Text { x, y, size, bold, grey, text } => {
                    surface.set_fill(shade(if grey { 90 } else { 0 }));
                    let face = if bold { &*BOLD } else { &*REGULAR };
                    let at = Point::from_xy(x, y);
                    surface.draw_text(at, face.font.clone(), size, &text, false, TextDirection::Auto);
                }
                Item::Rule { y } => {
                    let mut path = PathBuilder::new();
                    let line = Rect::from_xywh(MARGIN, y, RIGHT - MARGIN, 0.5).ok_or("a line has no size")?;
                    path.push_rect(line);
                    surface.set_fill(shade(200));
                    surface.draw_path(&path.finish().ok_or("a line has no length")?);
                }
            }
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(rows: usize) -> Sheet {
        let row = |index| SheetRow {
            date: "1 Jan 2027".into(),
            what: format!("Commission {index}"),
            why: "1,000.00 × 12.5 % = 125.00. Für Žofia, по договору, από τον Ιανουάριο."
                .repeat(1 + index % 3),
            amounts: ["+125.00".into(), "1,125.00".into()],
        };
        Sheet {
            title: "Statement".into(),
            receiver: vec!["Mara Lindqvist".into(), "mara@example.com".into()],
            figures: vec![("Balance before".into(), "0.00".into())],
            rows: (0..rows).map(row).collect(),
            foot: "Northwind Partners".into(),
            ..Sheet::default()
        }
    }

    fn text(pdf: &[u8]) -> Vec<String> {
        let document = lopdf::Document::load_mem(pdf).unwrap();
        document.get_pages().keys().map(|page| document.extract_text(&[*page]).unwrap()).collect()
    }

    #[test]
    fn every_row_stands_on_a_page_and_can_be_copied() {
        let pages = text(&render(&sheet(90)).unwrap());
        assert!(pages.len() > 3, "{}", pages.len());
        for index in 0..90 {
            let found = pages
                .iter()
                .filter(|page| page.lines().any(|line| line.trim() == format!("Commission {index}")));
            assert_eq!(found.count(), 1, "row {index}");
        }
        for (index, page) in pages.iter().enumerate() {
            assert!(page.contains(&format!("Page {} of {}", index + 1, pages.len())), "{page}");
        }
        for expected in ["Mara Lindqvist", "125.00", "Žofia", "договору", "Ιανουάριο"] {
            assert!(pages[0].contains(expected), "{expected} is missing in {}", pages[0]);
        }
    }

    #[test]
    fn nothing_leaves_the_paper() {
        let mut long = sheet(3);
        long.rows[1].why = "x".repeat(30_000);
        long.rows[2].what = "Ein sehr langer Name ".repeat(20);
        long.sender = vec!["y".repeat(400)];
        long.foot = "z ".repeat(400);
        for page in lay_out(&long) {
            for item in page {
                let Item::Text { x, y, size, bold, text, .. } = item else { continue };
                let face = if bold { &*BOLD } else { &*REGULAR };
                assert!(x >= MARGIN - 0.1 && x + face.width(&text, size) <= RIGHT + 0.1, "{text} at {x}");
                assert!((MARGIN..=HEIGHT - MARGIN + 0.1).contains(&y), "{text} at {y}");
            }
        }
        assert!(!render(&long).unwrap().is_empty());
        assert!(wrap(&REGULAR, " ", SMALL, 10.0).is_empty());
    }
}
