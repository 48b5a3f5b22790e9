//! Referral links as QR codes (ISO/IEC 18004), for the screen and for print.

use fast_qr::{ECL, QRBuilder, QRCode};
use jpeg_encoder::{ColorType, Encoder, PixelDensity};
use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

/// The white margin that scanners need on every side, in modules (ISO/IEC 18004, 9.1).
const QUIET_ZONE: usize = 4;
/// A quarter of the symbol may be stained, folded or covered by a logo.
const ERROR_CORRECTION: ECL = ECL::Q;
/// The least width and height of a downloaded picture, in pixels: 8 cm at the density of print.
const PRINT_PIXELS: usize = 1024;
/// JPEG's blocks are of 8 x 8 pixels. A module of whole blocks has no edge inside a block, so that not one
/// pixel is blurred by the compression.
const JPEG_BLOCK: usize = 8;

/// An SVG element to be put into a page, as large as its style says. It is black on white in dark mode too:
/// many scanners don't read inverted codes.
///
/// # Panics
/// If the link is longer than a QR code can hold (1,663 bytes).
pub fn svg(link: &str) -> String {
    render(&encode(link), link, "")
}

/// Codes that were drawn of late, by their links: to draw one takes longer than the rest of its page.
static DRAWN: LazyLock<RwLock<HashMap<String, Arc<str>>>> = LazyLock::new(RwLock::default);
/// How many are kept: each takes some 8 KB.
const MOST_DRAWN: usize = 500;

/// What [`svg`] draws, for a page that the same people open again and again.
///
/// # Panics
/// As [`svg`].
pub fn svg_again(link: &str) -> Arc<str> {
    let drawn = DRAWN.read().unwrap_or_else(PoisonError::into_inner).get(link).cloned();
    drawn.unwrap_or_else(|| {
        let new: Arc<str> = svg(link).into();
        let mut drawn = DRAWN.write().unwrap_or_else(PoisonError::into_inner);
        if drawn.len() >= MOST_DRAWN {
            drawn.clear();
        }
        drawn.insert(link.to_owned(), new.clone());
        new
    })
}

/// An SVG file for download.
///
/// # Panics
/// If the link is longer than a QR code can hold (1,663 bytes).
pub fn svg_file(link: &str) -> String {
    let size = format!(" width=\"{PRINT_PIXELS}\" height=\"{PRINT_PIXELS}\"");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", render(&encode(link), link, &size))
}

/// A JPEG file of at least 1024 x 1024 pixels in shades of grey.
///
/// # Panics
/// If the link is longer than a QR code can hold (1,663 bytes).
pub fn jpeg(link: &str) -> Vec<u8> {
    let code = encode(link);
    let modules = code.size + 2 * QUIET_ZONE;
    let module_pixels = PRINT_PIXELS.div_ceil(modules).next_multiple_of(JPEG_BLOCK);
    let side = modules * module_pixels;
    let mut pixels = Vec::with_capacity(side * side);
    for y in 0..side {
        pixels.extend((0..side).map(|x| match is_black(&code, x / module_pixels, y / module_pixels) {
            true => 0,
            false => 255,
        }));
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 95);
    encoder.set_density(PixelDensity::dpi(300));
    let side = u16::try_from(side).expect("the largest QR code is of 185 modules");
    encoder.encode(&pixels, side, side, ColorType::Luma).expect("memory takes every picture");
    file
}

fn encode(link: &str) -> QRCode {
    QRBuilder::new(link).ecl(ERROR_CORRECTION).build().expect("a link fits a QR code")
}

/// Whether the module at a column and row of the picture, the quiet zone included, is black.
fn is_black(code: &QRCode, x: usize, y: usize) -> bool {
    let inside = QUIET_ZONE..QUIET_ZONE + code.size;
    inside.contains(&x) && inside.contains(&y) && code[y - QUIET_ZONE][x - QUIET_ZONE].value()
}

fn render(code: &QRCode, link: &str, size: &str) -> String {
    let side = code.size + 2 * QUIET_ZONE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"{size} viewBox=\"0 0 {side} {side}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><title>QR code of {}</title>\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{}\"/></svg>",
        escape(link),
        path(code, side)
    )
}

/// The black modules, each run of a row as one rectangle.
fn path(code: &QRCode, side: usize) -> String {
    let mut path = String::new();
    for y in 0..side {
        let mut x = 0;
        while x < side {
            let run = (x..side).take_while(|x| is_black(code, *x, y)).count();
            if run > 0 {
                write!(path, "M{x} {y}h{run}v1h-{run}z").expect("a String takes every text");
            }
            x += run.max(1);
        }
    }
    path
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [&str; 4] = [
        "https://partners.example.com/r/K7XM49QD",
        "http://127.0.0.1:8080/r/00000000",
        "https://пример.рф/r/ZZZZZZZZ",
        "https://a-rather-long-name-of-a-company.partners.programme.example.museum/deep/path/r/K7XM49QD?a=1&b=<2>",
    ];

    /// What an independent decoder reads from a picture in shades of grey.
    fn scan(side: usize, pixel: impl FnMut(usize, usize) -> u8) -> String {
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, pixel);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1, "one code in the picture");
        grids[0].decode().unwrap().1
    }

    /// Paints an SVG of ours, whose paths know only `M x y h run v1 h-run z`.
    fn paint(svg: &str) -> (usize, Vec<bool>) {
        let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.to_owned();
        let side: usize = after(svg, "viewBox=\"0 0 ").split_once(' ').unwrap().0.parse().unwrap();
        let path = after(svg, "fill=\"#000\" d=\"").split_once('"').unwrap().0.to_owned();
        let mut black = vec![false; side * side];
        for rectangle in path.split('z').filter(|rectangle| !rectangle.is_empty()) {
            let (x, rest) = rectangle.strip_prefix('M').unwrap().split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (run, back) = rest.split_once("v1h-").unwrap();
            assert_eq!(run, back, "the rectangle is closed");
            let [x, y, run]: [usize; 3] = [x, y, run].map(|number| number.parse().unwrap());
            assert!(x + run <= side && y < side);
            black[y * side + x..][..run].fill(true);
        }
        (side, black)
    }

    #[test]
    fn the_jpeg_is_large_sharp_and_scanned_back() {
        for link in LINKS {
            let file = jpeg(link);
            let mut decoder = jpeg_decoder::Decoder::new(file.as_slice());
            let pixels = decoder.decode().unwrap();
            let info = decoder.info().unwrap();
            assert_eq!(info.pixel_format, jpeg_decoder::PixelFormat::L8);
            assert_eq!(info.width, info.height);
            assert!(info.width >= 1024, "{}", info.width);
            assert!(pixels.iter().all(|pixel| !(8..=247).contains(pixel)), "no grey fringes");
            let side = usize::from(info.width);
            assert_eq!(scan(side, |x, y| pixels[y * side + x]), link);
            let quiet = QUIET_ZONE * side / (encode(link).size + 2 * QUIET_ZONE);
            let in_quiet_zone = |at: usize| at < quiet || at >= side - quiet;
            let margin = (0..side * side).filter(|at| in_quiet_zone(at % side) || in_quiet_zone(at / side));
            assert!(margin.into_iter().all(|at| pixels[at] > 247), "the quiet zone is white");
        }
    }

    #[test]
    fn the_svg_is_scanned_back() {
        for link in LINKS {
            for svg in [svg(link), svg_file(link)] {
                let (side, black) = paint(&svg);
                let pixel = |x: usize, y: usize| if black[y / 6 * side + x / 6] { 0 } else { 255 };
                assert_eq!(scan(side * 6, pixel), link);
                let inside = QUIET_ZONE..side - QUIET_ZONE;
                let quiet = (0..side * side)
                    .filter(|at| !inside.contains(&(at % side)) || !inside.contains(&(at / side)));
                assert!(quiet.into_iter().all(|at| !black[at]), "the quiet zone is white");
            }
        }
    }

    #[test]
    fn the_svg_is_named_and_escaped() {
        let inline = svg(LINKS[3]);
        assert!(inline.starts_with("<svg ") && inline.contains("role=\"img\""), "{inline}");
        assert!(inline.contains("<title>QR code of https://a-rather"), "{inline}");
        assert!(inline.contains("?a=1&amp;b=&lt;2&gt;</title>"), "{inline}");
        assert!(!inline.contains("style"), "the content security policy allows no inline style");
        let file = svg_file(LINKS[0]);
        assert!(file.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "), "{file}");
        assert!(file.contains(" width=\"1024\" height=\"1024\" viewBox="), "{file}");
    }

    #[test]
    fn a_stained_code_is_still_scanned() {
        let (side, mut black) = paint(&svg(LINKS[0]));
        // A stain of 6 x 6 modules in the middle, away from the finder patterns.
        for (x, y) in (0..6).flat_map(|x| (0..6).map(move |y| (side / 2 - 3 + x, side / 2 - 3 + y))) {
            black[y * side + x] = true;
        }
        assert_eq!(scan(side * 6, |x, y| if black[y / 6 * side + x / 6] { 0 } else { 255 }), LINKS[0]);
    }
}
