//! From cells to rows: which sheet, which line is the header, and what a cell says as text.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use calamine::{
    DataRef, Dimensions, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError,
};
use serde_json::{Number, Value};

use super::sheet::Sent;
use super::{DataError, Fields, Row};
use crate::data::plan::listed;

/// Lines above the header that hold one cell: a title, a date.
const MAX_TITLES: usize = 20;
/// Merged regions that are heeded.
const MAX_MERGED: usize = 100_000;

type Book = Xlsx<BufReader<File>>;
/// The cells of one line of the sheet, by column.
type Line = Vec<(u32, Value)>;

/// Walks through the first sheet with rows, and through those after it that have the same columns, and sends their rows;
/// gives what is to be said of them. Ends early where `send` says that nobody listens.
pub(super) fn walk(
    file: File,
    path: &Path,
    uncalculated: usize,
    send: &dyn Fn(Sent) -> bool,
    share: &dyn Fn(f64),
) -> Result<Vec<String>, DataError> {
    let damaged = |error: XlsxError| DataError::Damaged {
        path: path.to_path_buf(),
        reason: format!(
            "The Excel file cannot be read ({error}); open it in your spreadsheet program and save it again, or as CSV"
        ),
    };
    let mut book: Book = Xlsx::new(BufReader::new(file)).map_err(damaged)?;
    let mut with_rows = Vec::new();
    for name in sheet_names(&book) {
        if has_rows(&mut book, &name).map_err(damaged)? {
            with_rows.push(name);
        }
    }
    if with_rows.is_empty() {
        return Err(DataError::Empty { path: path.to_path_buf() });
    }
    let mut said = Said::default();
    let mut wanted = None;
    for (number, name) in with_rows.iter().enumerate() {
        let merged = book.merge_cells_by_sheet_name(name).unwrap_or_default();
        let mut table = Table::new(path, send, merged);
        // The rows of the first sheet are those of the file.
        table.part = (number > 0).then(|| format!("sheet \"{name}\"").into());
        table.wanted = wanted.take();
        let mut cells = book.worksheet_cells_reader(name).map_err(damaged)?;
        let so_far = |inside: f64| share((number as f64 + inside) / with_rows.len() as f64);
        if !table.walk(&mut cells, &so_far, &damaged)? {
            return Ok(Vec::new());
        }
        wanted = Some(table.wanted.take().unwrap_or_else(|| table.columns()));
        said.take(name, table);
    }
    share(1.0);
    Ok(said.notes(uncalculated))
}

/// The sheets a person sees, or all of them where none is visible.
fn sheet_names(book: &Book) -> Vec<String> {
    let sheets = || book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names = |visible: bool| {
        let sheets = sheets().filter(|sheet| !visible || sheet.visible == SheetVisible::Visible);
        sheets.map(|sheet| sheet.name.clone()).collect::<Vec<_>>()
    };
    Some(names(true)).filter(|names| !names.is_empty()).unwrap_or_else(|| names(false))
}

/// Whether the sheet has a header and a line below it.
fn has_rows(book: &mut Book, name: &str) -> Result<bool, calamine::XlsxError> {
    let mut cells = book.worksheet_cells_reader(name)?;
    let mut first = None;
    while let Some(cell) = cells.next_cell()? {
        if !is_blank(cell.get_value()) && *first.get_or_insert(cell.get_position().0) != cell.get_position().0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_blank(value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty => true,
        DataRef::String(text) => text.trim().is_empty(),
        DataRef::SharedString(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// What was read of a sheet so far.
struct Table<'a> {
    path: &'a Path,
    send: &'a dyn Fn(Sent) -> bool,
    /// Name by column; empty before the header is found.
    names: Vec<(u32, String)>,
    /// Lines of one cell that may be titles or rows.
    titles: Vec<(u32, Line)>,
    /// Regions of several lines that begin in one cell, by that cell.
    merged: HashMap<(u32, u32), u32>,
    /// By column, the value of the region that goes on, and its last line.
    going_on: HashMap<u32, (Value, u32)>,
    has_titles: bool,
    used_merged: bool,
    errors: usize,
    first_error: Option<String>,
    /// What its rows are said to be of, where it is not the first sheet.
    part: Option<Arc<str>>,
    /// The columns that it must have to be read.
    wanted: Option<BTreeSet<String>>,
    /// Whether it has others.
    is_other: bool,
}

impl<'a> Table<'a> {
    fn new(path: &'a Path, send: &'a dyn Fn(Sent) -> bool, merged: Vec<Dimensions>) -> Self {
        let tall = merged.into_iter().filter(|region| region.end.0 > region.start.0).take(MAX_MERGED);
        Self {
            path,
            send,
            names: Vec::new(),
            titles: Vec::new(),
            merged: tall.map(|region| (region.start, region.end.0)).collect(),
            going_on: HashMap::new(),
            has_titles: false,
            used_merged: false,
            errors: 0,
            first_error: None,
            part: None,
            wanted: None,
            is_other: false,
        }
    }

    /// Takes the cells of a sheet, up to the header where its columns are others; gives whether anyone still listens.
    fn walk(
        &mut self,
        cells: &mut XlsxCellReader<'_, BufReader<File>>,
        share: &dyn Fn(f64),
        damaged: &dyn Fn(XlsxError) -> DataError,
    ) -> Result<bool, DataError> {
        let last = f64::from(cells.dimensions().end.0.max(1));
        let (mut at, mut line) = (0, Line::new());
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            if row != at && !line.is_empty() {
                share(f64::from(at) / last);
                if !self.take(at, std::mem::take(&mut line))? {
                    return Ok(false);
                }
                if self.is_other {
                    return Ok(true);
                }
            }
            at = row;
            if let Some(value) = self.value(cell.get_value(), (row, column)) {
                line.push((column, value));
            }
        }
        let is_heard = self.take(at, line)?;
        self.finish()?;
        Ok(is_heard)
    }

    fn columns(&self) -> BTreeSet<String> {
        self.names.iter().map(|(_, name)| name.clone()).collect()
    }

    /// A cell's value, or `None` where it is blank. An error in a cell counts as blank and is told.
    fn value(&mut self, cell: &DataRef<'_>, (row, column): (u32, u32)) -> Option<Value> {
        if is_blank(cell) {
            return None;
        }
        Some(match cell {
            DataRef::Empty => return None,
            DataRef::Int(number) => Value::from(*number),
            DataRef::Float(number) => float(*number),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                Value::from(text.as_str())
            }
            DataRef::SharedString(text) => Value::from(*text),
            DataRef::Bool(truth) => Value::from(*truth),
            DataRef::DateTime(moment) => Value::from(iso(moment)),
            DataRef::Error(error) => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| format!("{error} in cell {}", address(row, column)));
                return None;
            }
        })
    }

    /// Takes the cells of line number `at`, counted from 0; gives whether anyone still listens.
    fn take(&mut self, at: u32, mut line: Line) -> Result<bool, DataError> {
        if line.is_empty() || self.is_other {
            return Ok(true);
        }
        if self.names.is_empty() {
            if line.len() > 1 || self.titles.len() == MAX_TITLES {
                self.has_titles = line.len() > 1 && !self.titles.is_empty();
                let rows = if line.len() > 1 { self.header(line)? } else { self.single_column(Some((at, line)))? };
                return Ok((self.send)(Sent::Header) && rows.into_iter().all(|(at, line)| self.send_row(at, &line)));
            }
            self.titles.push((at, line));
            return Ok(true);
        }
        self.fill(at, &mut line);
        Ok(self.send_row(at, &line))
    }

    /// Sends what waited for a header that never came.
    fn finish(&mut self) -> Result<(), DataError> {
        if self.names.is_empty() && !self.titles.is_empty() {
            let rows = self.single_column(None)?;
            let _ = (self.send)(Sent::Header) && rows.into_iter().all(|(at, line)| self.send_row(at, &line));
        }
        Ok(())
    }

    fn header(&mut self, line: Line) -> Result<Vec<(u32, Line)>, DataError> {
        let mut known = HashSet::new();
        for (column, value) in line {
            let name = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
            if !known.insert(name.clone()) && self.wanted.is_none() {
                return Err(DataError::RepeatedColumn { path: self.path.to_path_buf(), column: name });
            }
            self.names.push((column, name));
        }
        let is_same = |wanted: &BTreeSet<String>| *wanted == self.columns() && wanted.len() == self.names.len();
        self.is_other = self.wanted.as_ref().is_some_and(|wanted| !is_same(wanted));
        Ok(Vec::new())
    }

    /// A sheet of one column: the first line names it, the others are its rows.
    fn single_column(&mut self, last: Option<(u32, Line)>) -> Result<Vec<(u32, Line)>, DataError> {
        let mut lines = std::mem::take(&mut self.titles).into_iter().chain(last);
        if let Some((_, header)) = lines.next() {
            self.header(header)?;
        }
        Ok(if self.is_other { Vec::new() } else { lines.collect() })
    }

    /// Gives the further lines of a merged region the value of its first cell.
    fn fill(&mut self, at: u32, line: &mut Line) {
        for (column, value) in line.iter() {
            if let Some(&end) = self.merged.get(&(at, *column)) {
                self.going_on.insert(*column, (value.clone(), end));
            }
        }
        self.going_on.retain(|_, (_, end)| *end >= at);
        for (column, (value, _)) in &self.going_on {
            if !line.iter().any(|(other, _)| other == column) {
                line.push((*column, value.clone()));
                self.used_merged = true;
            }
        }
    }

    fn send_row(&self, at: u32, line: &Line) -> bool {
        let mut cells: HashMap<u32, &Value> = line.iter().map(|(column, value)| (*column, value)).collect();
        let named =
            self.names.iter().map(|(column, name)| (name.clone(), cells.remove(column).cloned().unwrap_or_default()));
        let mut fields: Fields = named.collect();
        for (column, value) in line.iter().filter(|(column, _)| cells.contains_key(column)) {
            fields.insert(format!("column {}", column_name(*column)), value.clone());
        }
        (self.send)(Sent::Row(Row { line: at as usize + 1, part: self.part.clone(), fields: Ok(fields) }))
    }
}

/// What is to be said of the sheets that were walked through.
#[derive(Default)]
struct Said {
    read: Vec<String>,
    /// Sheets with other columns.
    others: Vec<String>,
    has_titles: bool,
    used_merged: bool,
    errors: usize,
    first_error: Option<String>,
}

impl Said {
    fn take(&mut self, name: &str, table: Table<'_>) {
        if table.is_other {
            return self.others.push(name.to_owned());
        }
        self.read.push(name.to_owned());
        self.has_titles |= table.has_titles;
        self.used_merged |= table.used_merged;
        self.errors += table.errors;
        self.first_error = self.first_error.take().or(table.first_error);
    }

    fn notes(&self, uncalculated: usize) -> Vec<String> {
        let mut notes = vec![match self.read.as_slice() {
            [name] => format!("read from the sheet \"{name}\", whose rows are counted as lines"),
            read => format!("read from the sheets {}, whose rows are counted as lines", listed(read)),
        }];
        if !self.others.is_empty() {
            notes.push(format!(
                "not read: the sheets {}, whose columns are not those of the first; save each as a file of its own to read it",
                listed(&self.others)
            ));
        }
        if self.has_titles {
            notes.push("the lines above the header are passed over".to_owned());
        }
        if self.used_merged {
            notes.push("cells merged over several rows count in each of them".to_owned());
        }
        if let Some(first) = &self.first_error {
            notes.push(format!("{} with an error, taken as empty; the first is {first}", cells(self.errors)));
        }
        if uncalculated > 0 {
            notes.push(format!(
                "{} without the result of its formula, taken as empty: open the file in your spreadsheet program and save it",
                cells(uncalculated)
            ));
        }
        notes
    }
}

fn cells(count: usize) -> String {
    format!("{count} cell{}", if count == 1 { "" } else { "s" })
}

/// A number as it is shown: whole ones without a point.
fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A date, a time of day, both, or a duration in hours, as ISO 8601 has them.
fn iso(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let value = moment.as_f64();
    if moment.is_duration() {
        let seconds = (value * 86_400.0).round() as i64;
        let sign = if seconds < 0 { "-" } else { "" };
        let seconds = seconds.abs();
        return format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (date, time) = (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"));
    if value < 1.0 {
        time
    } else if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date}T{time}")
    }
}

/// A column as a sheet names it: A to Z, then AA.
fn column_name(column: u32) -> String {
    let (mut rest, mut name) = (column, String::new());
    loop {
        name.insert(0, char::from(b'A' + (rest % 26) as u8));
        match rest / 26 {
            0 => return name,
            more => rest = more - 1,
        }
    }
}

fn address(row: u32, column: u32) -> String {
    format!("{}{}", column_name(column), u64::from(row) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_sheets_name_them() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(column_name(column), name);
        }
    }

    #[test]
    fn dates_and_numbers_are_written_plainly() {
        use calamine::ExcelDateTimeType::{DateTime, TimeDelta};
        let said = |value, kind| iso(&ExcelDateTime::new(value, kind, false));
        assert_eq!(said(45_943.0, DateTime), "2025-10-13");
        assert_eq!(said(45_943.5, DateTime), "2025-10-13T12:00:00");
        assert_eq!(said(0.75, DateTime), "18:00:00");
        assert_eq!(said(1.25, TimeDelta), "30:00:00");
        assert_eq!((float(3.0), float(0.5)), (Value::from(3), Value::from(0.5)));
    }
}
