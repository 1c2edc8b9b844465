//! Every value of a chart as a table: a row for each step, a column for each line.

use super::ChartFigure;

/// The table, with full precision. A value that is no number is written as `NaN`, `inf` or `-inf`; a line that was not
/// measured at a step leaves its cell empty. The column of times is there where any is known.
pub fn table(figure: &ChartFigure) -> String {
    let has_time = figure.lines.iter().flat_map(|line| &line.samples).any(|sample| sample.time_s.is_finite());
    let mut text = String::from("step");
    if has_time {
        text += ",time_s";
    }
    for line in &figure.lines {
        text.push(',');
        text += &cell(&line.name);
    }
    text.push('\n');
    let mut left: Vec<_> = figure.lines.iter().map(|line| line.samples.as_slice()).collect();
    while let Some(step) = left.iter().filter_map(|samples| samples.first()).map(|sample| sample.step).min() {
        let row = left.iter_mut().map(|samples| match samples.split_first() {
            Some((first, rest)) if first.step == step => {
                *samples = rest;
                Some(*first)
            }
            _ => None,
        });
        let row: Vec<_> = row.collect();
        text += &step.to_string();
        if has_time {
            text.push(',');
            let time = row.iter().flatten().map(|sample| sample.time_s).find(|time| time.is_finite());
            text += &time.map(number).unwrap_or_default();
        }
        for sample in row {
            text.push(',');
            text += &sample.map(|sample| number(sample.value)).unwrap_or_default();
        }
        text.push('\n');
    }
    text
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    format!("{value:?}")
}

/// A name as a cell: in quotes where it has to be.
pub fn cell(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}
