//! Charts as files are read back.

use egui::Theme;

use super::*;
use crate::app::widgets::axes::{Axis, Scale};
use crate::app::widgets::chart::LINE_BUDGET;
use crate::app::widgets::chart_marks::Mark;
use crate::app::widgets::series::Series;

const TITLE: &str = "Loss <of> \"A & B\"";

fn long_series(count: usize) -> Series {
    let mut series = Series::default();
    for step in 1..=count {
        let value = if step == 5 { f64::NAN } else { 1.0 / step as f64 + 0.1 };
        series.push_at(step, step as f64 * 0.5, value);
    }
    series
}

fn export(format: ChartFormat, mut main: Series, mut held_out: Series) -> ChartExport {
    let tokens = Tokens::of_theme(Theme::Light);
    let count = main.len().max(2) as f64;
    let pane = Pane { axis: Axis::Step, scale: Scale::Linear, x: 0.0..=count };
    main.prepare(&pane, LINE_BUDGET);
    held_out.prepare(&pane, LINE_BUDGET);
    let mut marks = Marks::default();
    let text = "checkpoint-3".to_owned();
    marks.push(Mark { kind: MarkKind::Checkpoint, step: 3, time_s: 1.5, text });
    let lines = [
        ChartLine { name: "Loss", series: &mut main, color: tokens.chart_main, look: Look::Line },
        ChartLine {
            name: "Held-out, \"all\"",
            series: &mut held_out,
            color: tokens.chart_held_out,
            look: Look::Marked,
        },
    ];
    let figure = ChartFigure::of(TITLE, format, (&pane, &(0.0..=1.2)), &lines, &marks, tokens);
    ChartExport { format, figure: Figure::Chart(figure) }
}

fn held_out() -> Series {
    let mut series = Series::default();
    series.push_at(0, 0.0, 2.0);
    series.push_at(2, 1.0, f64::INFINITY);
    series
}

#[test]
fn a_table_has_every_value_at_full_precision() {
    let export = export(ChartFormat::Csv, long_series(100_000), held_out());
    let text = String::from_utf8(export.bytes().expect("bytes")).expect("text");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 1 + 1 + 100_000);
    let head = ["step,time_s,Loss,\"Held-out, \"\"all\"\"\"", "0,0.0,,2.0", "1,0.5,1.1,", "2,1.0,0.6,inf"];
    assert_eq!(rows[..4], head);
    assert_eq!(rows[6], "5,2.5,NaN,");
    let third: f64 = rows[4].split(',').nth(2).and_then(|cell| cell.parse().ok()).expect("a number");
    assert_eq!(third.to_bits(), (1.0f64 / 3.0 + 0.1).to_bits());
}

#[test]
fn a_table_without_times_has_no_column_for_them() {
    let mut untimed = Series::default();
    untimed.push(1, 0.25);
    let export = export(ChartFormat::Csv, untimed, Series::default());
    assert_eq!(export.bytes().ok(), Some(b"step,Loss\n1,0.25\n".to_vec()));
}

#[test]
fn a_drawing_is_xml_that_says_what_the_chart_says() {
    let export = export(ChartFormat::Svg, long_series(1000), held_out());
    let svg = String::from_utf8(export.bytes().expect("bytes")).expect("text");
    let tree = resvg::usvg::Tree::from_str(&svg, &Default::default()).expect("an SVG");
    assert_eq!(tree.size().width(), 960.0);
    for part in ["Loss &lt;of&gt; &quot;A &amp; B&quot;", ">Held-out, &quot;all&quot;<", ">Step<", ">200<", "<polygon"]
    {
        assert!(svg.contains(part), "{part} is missing");
    }
    let error = svg::hex(Tokens::of_theme(Theme::Light).error);
    assert_eq!(svg.matches(&error).count(), 2, "the value that is not a number and the infinite one leave a mark each");
}

#[test]
fn a_drawing_of_a_hundred_thousand_steps_stays_small() {
    let export = export(ChartFormat::Svg, long_series(100_000), held_out());
    let bytes = export.bytes().expect("bytes").len();
    assert!(bytes < 80_000, "{bytes} bytes");
}

#[test]
fn a_picture_is_a_png_with_its_curve_and_its_letters() {
    let export = export(ChartFormat::Png, long_series(400), held_out());
    let bytes = export.bytes().expect("bytes");
    let picture = resvg::tiny_skia::Pixmap::decode_png(&bytes).expect("a PNG");
    assert_eq!(picture.width(), 1920);
    let tokens = Tokens::of_theme(Theme::Light);
    let count = |color: Color32| {
        let [r, g, b, _] = color.to_array();
        picture.pixels().iter().filter(|p| (p.red(), p.green(), p.blue()) == (r, g, b)).count()
    };
    assert!(count(tokens.chart_main) > 1000, "the curve is drawn");
    assert!(count(tokens.text_strong) > 100, "the title is set");
}

#[test]
fn a_chart_is_saved_into_a_folder_that_is_not_there_yet_and_a_failure_says_where() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let export = export(ChartFormat::Csv, long_series(3), Series::default());
    let path = folder.path().join("charts/loss.csv");
    export.save(&path).expect("saved");
    assert!(std::fs::read_to_string(&path).expect("a file").starts_with("step,time_s,Loss\n"));
    let below_a_file = path.join("no/loss.csv");
    let error = export.save(&below_a_file).expect_err("a file is no folder").to_string();
    assert!(error.contains("loss.csv"), "{error}");
}
