//! Bars by day, drawn by the server: one small picture per measure, the same days below each other.

use domain::clock::Day;

/// The height of the picture in its own units; it is stretched to the size that the page gives it.
const HEIGHT: i64 = 1_000;
/// The width of one day in the same units; a fifth of it is left empty between bars.
const STEP: i64 = 10;

/// One measure by day.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Names the picture on the page.
    pub id: &'static str,
    /// What is measured.
    pub title: String,
    /// All days together.
    pub total: String,
    /// The most on one day.
    pub most: String,
    /// The picture in a sentence.
    pub summary: String,
    /// The first day.
    pub first: String,
    /// The last day.
    pub last: String,
    /// The days on which there is something to see.
    pub bars: Vec<Bar>,
    /// The width of the picture.
    pub width: i64,
    /// The height of the picture.
    pub height: i64,
    /// Where zero is, from the top.
    pub zero: i64,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The day and its value.
    pub label: String,
    /// Where the day begins.
    pub day: i64,
    /// Where the bar begins, from the left.
    pub x: i64,
    /// Where it begins, from the top.
    pub y: i64,
    /// How high it is.
    pub height: i64,
}

/// Draws one measure: its value on each day from `first` on. `write` says a value as people read it.
pub fn draw(
    id: &'static str,
    title: &str,
    first: Day,
    values: &[i64],
    write: impl Fn(i64) -> String,
) -> Chart {
    let days = || (first.0..).map(Day).zip(values.iter().copied());
    let length = i64::try_from(values.len()).unwrap_or(0);
    let last = Day(first.0 + length - 1);
    let total: i64 = values.iter().sum();
    let highest = values.iter().copied().max().unwrap_or(0).max(0);
    let lowest = values.iter().copied().min().unwrap_or(0).min(0);
    let range = i128::from(highest - lowest).max(1);
    let scaled = |value: i64| i64::try_from(i128::from(value) * i128::from(HEIGHT) / range).unwrap_or(0);
    // Days below zero (a refund of an older deal) hang from the line.
    let zero = if lowest < 0 { scaled(highest) } else { HEIGHT };
    let bars = days()
        .enumerate()
        .filter(|(_, (_, value))| *value != 0)
        .map(|(index, (day, value))| {
            let left = i64::try_from(index).unwrap_or(0) * STEP;
            // A small value stays visible beside a large one.
            let height = scaled(value.abs()).max(HEIGHT / 50);
            Bar {
                label: format!("{}: {}", day.short(), write(value)),
                day: left,
                x: left + STEP / 10,
                y: if value > 0 { zero - height } else { zero },
                height,
            }
        })
        .collect();
    let best = days().filter(|(_, value)| *value == highest && highest > 0).last();
    let most = best.map_or(String::new(), |(day, value)| format!("{} on {}", write(value), day.short()));
    let period = format!("{title} by day, {} to {}", first.short(), last.short());
    let summary = if most.is_empty() {
        format!("{period}: {} in all.", write(total))
    } else {
        format!("{period}: {} in all, the most on one day {most}.", write(total))
    };
    Chart {
        id,
        title: title.to_owned(),
        total: write(total),
        most,
        summary,
        first: first.short(),
        last: last.short(),
        bars,
        width: length * STEP,
        height: HEIGHT,
        zero,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_day_fills_the_picture_and_empty_days_have_no_bar() {
        let chart = draw("clicks", "Clicks", Day(20_000), &[0, 4, 0, 8], |value| value.to_string());
        assert_eq!(chart.width, 40);
        assert_eq!(chart.total, "12");
        assert_eq!(chart.most, "8 on 7 Oct");
        assert_eq!(
            chart.summary,
            "Clicks by day, 4 Oct to 7 Oct: 12 in all, the most on one day 8 on 7 Oct."
        );
        let places: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height)).collect();
        assert_eq!(places, [(11, 500, 500), (31, 0, 1_000)]);
    }

    #[test]
    fn days_below_zero_hang_from_the_line() {
        let chart = draw("profit", "Profit", Day(0), &[300, -100, 1], |value| value.to_string());
        assert_eq!(chart.zero, 750);
        let places: Vec<_> = chart.bars.iter().map(|bar| (bar.y, bar.height)).collect();
        assert_eq!(places, [(0, 750), (750, 250), (730, 20)]);
        let none = draw("profit", "Profit", Day(0), &[0, 0], |value| value.to_string());
        assert_eq!((none.bars.len(), none.most.as_str()), (0, ""));
        let extreme = draw("profit", "Profit", Day(0), &[i64::MAX / 2, -5], |value| value.to_string());
        assert_eq!(extreme.bars[0].height, 999);
    }
}
