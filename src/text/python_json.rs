//! JSON as Python writes it: chat templates are written for Python's `json.dumps`, whose spaces the model has seen.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// `value` as `json.dumps(value, ensure_ascii=False, indent=indent)` gives it: `{"a": 1, "b": [2, 3]}` on one line
/// without `indent`, else one item a line.
pub(super) fn dumps(value: &impl Serialize, indent: Option<usize>) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, OneLine))?,
        Some(width) => {
            let spaces = vec![b' '; width];
            value.serialize(&mut Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(&spaces)))?;
        }
    }
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// One line, with a space after each comma and colon.
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::dumps;
    use serde_json::json;

    #[test]
    fn one_line_has_pythons_spaces() {
        let value = json!({"name": "é", "list": [1, 2], "empty": {}});
        assert_eq!(dumps(&value, None).unwrap(), r#"{"name": "é", "list": [1, 2], "empty": {}}"#);
    }

    #[test]
    fn an_indent_puts_one_item_on_a_line() {
        let value = json!({"a": [1], "b": []});
        assert_eq!(dumps(&value, Some(2)).unwrap(), "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}");
    }
}
