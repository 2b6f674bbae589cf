//! A run as a picture: the same chart, with messages that slant through time.

use std::fmt::Write as _;

use crate::chart::{Chart, Mark, Row};

const LANE: usize = 110;
const LEFT: usize = 150;
const TOP: usize = 74;
const ROW: usize = 18;
/// A character of the texts, about.
const CHARACTER: usize = 8;

const STYLE: &str = "\
text { font: 12px ui-monospace, 'DejaVu Sans Mono', monospace; fill: #1f2430 }
.name { font-weight: bold; text-anchor: middle } .time { fill: #6b7280; text-anchor: end }
.title { font-size: 14px; font-weight: bold } .life { stroke: #cbd5e1; stroke-width: 2 }
.dot { fill: #1d4ed8 } .at { stroke: #93a3b8; fill: none } .sent { stroke: #1d4ed8; fill: none }
.lost { stroke: #d97706; fill: none; stroke-dasharray: 4 3 } .fault { fill: #b45309 }
.violation { fill: #b91c1c; font-weight: bold }";

/// The picture, under a title.
pub(crate) fn drawn(chart: &Chart, title: &str) -> String {
    let longest = chart.rows.iter().map(|row| row.text.chars().count()).max().unwrap_or(0);
    let words = (longest + 2) * CHARACTER;
    let width = (words_at(chart) + words).max(LEFT + title.chars().count() * (CHARACTER + 2));
    let height = y(chart.rows.len()) + ROW;
    let mut picture = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        picture,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"10\" refY=\"5\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 1L10 5L0 9z\" fill=\"#1d4ed8\"/></marker>\
         </defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text class=\"title\" x=\"16\" y=\"26\">{}</text>",
        escaped(title)
    );
    for (lane, actor) in chart.lanes.iter().enumerate() {
        let (x, foot) = (x(lane), height - ROW / 2);
        let _ = writeln!(
            picture,
            "<text class=\"name\" x=\"{x}\" y=\"52\">{actor}</text>\
             <line class=\"life\" x1=\"{x}\" y1=\"60\" x2=\"{x}\" y2=\"{foot}\"/>"
        );
    }
    for (number, row) in chart.rows.iter().enumerate() {
        picture += &line_of(number, row);
        picture += &words_of(chart, number, row);
    }
    picture + "</svg>\n"
}

/// The arrow and the mark of a row.
fn line_of(number: usize, row: &Row) -> String {
    let (own, here) = (x(row.lane), y(number));
    let arrow = |class: &str, head: &str, from: (usize, usize), to: (usize, usize)| {
        let ((x1, y1), (x2, y2)) = (from, to);
        format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{head}/>\n")
    };
    let head = " marker-end=\"url(#head)\"";
    let line = match row.mark {
        Mark::At(to) => arrow("at", "", (own, here), (x(to), here)),
        Mark::Leaves { to, arrives: Some(row) } => {
            arrow("sent", head, (own, here), (x(to), y(row)))
        }
        Mark::Leaves { to, arrives: None } => {
            // It ends half way, where nobody is.
            let end = (usize::midpoint(own, x(to)), here + ROW / 2);
            let cross = format!("<text class=\"fault\" x=\"{}\" y=\"{}\">✗</text>\n", end.0, end.1);
            arrow("lost", "", (own, here), end) + &cross
        }
        Mark::Comes { from, left } => {
            arrow("sent", head, (x(from), y(left.unwrap_or(number))), (own, here))
        }
        Mark::Dot | Mark::Fault | Mark::Violation => String::new(),
    };
    let (class, size) = match row.mark {
        Mark::Fault => ("fault", 5),
        Mark::Violation => ("violation", 6),
        _ => ("dot", 3),
    };
    line + &format!("<circle class=\"{class}\" cx=\"{own}\" cy=\"{here}\" r=\"{size}\"/>\n")
}

/// When it was, which step, and what.
fn words_of(chart: &Chart, number: usize, row: &Row) -> String {
    let base = y(number) + 4;
    let class = match row.mark {
        Mark::Fault => "fault",
        Mark::Violation => "violation",
        _ => "what",
    };
    let step = if row.step == 0 { String::new() } else { format!("{}", row.step) };
    format!(
        "<text class=\"time\" x=\"{}\" y=\"{base}\">{:.3}</text>\
         <text class=\"time\" x=\"{}\" y=\"{base}\">{step}</text>\
         <text class=\"{class}\" x=\"{}\" y=\"{base}\">{}</text>\n",
        LEFT - 80,
        row.at.as_secs_f64(),
        LEFT - 30,
        words_at(chart),
        escaped(&row.text),
    )
}

fn x(lane: usize) -> usize {
    LEFT + LANE / 4 + lane * LANE
}

fn y(row: usize) -> usize {
    TOP + row * ROW
}

fn words_at(chart: &Chart) -> usize {
    x(chart.lanes.len().saturating_sub(1)) + LANE / 4
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::tests::entries;

    #[test]
    fn a_message_slants_to_where_it_arrives_and_a_lost_one_ends_half_way() {
        let picture = drawn(&Chart::of(&entries(), false), "seed 1");
        let (from, to) = ((x(0), y(1)), (x(2), y(2)));
        let slant = format!(
            "<line class=\"sent\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"",
            from.0, from.1, to.0, to.1
        );
        assert!(picture.contains(&slant), "{picture}");
        assert_eq!(picture.matches("class=\"lost\"").count(), 1);
        assert_eq!(picture.matches("class=\"life\"").count(), 4);
        assert_eq!(picture.matches("<circle").count(), 7);
    }

    #[test]
    fn no_text_is_taken_for_markup() {
        let picture = drawn(&Chart::of(&entries(), false), "a & b");
        assert!(picture.contains("a &lt;task&gt;"));
        assert!(picture.contains("a &amp; b"));
    }
}
