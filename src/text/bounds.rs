//! How much memory a chat template may ask for. minijinja's fuel bounds texts and loops, but not what it costs to write
//! out a list that holds itself many times over, nor how deep lists may nest, nor the widths that format strings name.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Bytes of a template's source. The longest there are have some 30,000.
pub(super) const MAX_SOURCE: usize = 128 << 10;
/// Spaces that `tojson` may indent by.
const MAX_INDENT: usize = 16;
/// Numbers that a format string may name: widths and precisions.
const MAX_WIDTH: usize = 1 << 12;
/// Bytes of a format string for a date.
const MAX_DATE_FORMAT: usize = 1 << 10;
/// Lists within lists, far more than conversations and tools have.
const MAX_DEPTH: usize = 32;
/// Bytes of a value that is written out, an item counting [`ITEM`] beside its text.
const MAX_BYTES: usize = 16 << 20;
const ITEM: usize = 64;
/// Items that are looked at for one unit of fuel.
const ITEMS_PER_FUEL: usize = 16;

/// Names a value that may be kept in a namespace; see [`with_checked_namespaces`].
const CHECK: &str = "of_reasonable_size";

/// Puts the bounded forms of filters and methods in the place of the unbounded ones.
pub(super) fn install(environment: &mut Environment<'_>) {
    environment.set_unknown_method_callback(method);
    environment.add_test(CHECK, |state: &State, value: &Value| check(state, value).map(|()| true));
    environment.add_filter("string", |state: &State, value: &Value| {
        check(state, value)?;
        filters::string(state, value)
    });
    environment.add_filter("pprint", |state: &State, value: &Value| {
        check(state, value)?;
        Ok::<_, Error>(filters::pprint(value))
    });
}

/// A method of Python's texts, lists and dictionaries, whose arguments are of a reasonable size.
fn method(state: &mut State, value: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    if matches!(name, "join" | "format") {
        for argument in arguments {
            check(state, argument)?;
        }
    }
    if let ("format", Some(text)) = (name, value.as_str()) {
        check_widths(text)?;
    }
    unknown_method_callback(state, value, name, arguments)
}

/// Errs where a number in a format string is beyond any width that a text needs.
fn check_widths(text: &str) -> Result<(), Error> {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    for digits in numbers {
        if digits.parse::<usize>().map_or(true, |width| width > MAX_WIDTH) {
            return Err(refused(format!("a format string may name numbers up to {MAX_WIDTH}, not {digits:.20}")));
        }
    }
    Ok(())
}

/// The indent of `tojson`, where it is a reasonable one.
pub(super) fn check_indent(indent: Option<usize>) -> Result<Option<usize>, Error> {
    match indent {
        Some(width) if width > MAX_INDENT => {
            Err(refused(format!("tojson indents by at most {MAX_INDENT} spaces, not {width}")))
        }
        other => Ok(other),
    }
}

/// Errs on a format string for a date that is longer than any date.
pub(super) fn check_date_format(format: &str) -> Result<(), Error> {
    if format.len() > MAX_DATE_FORMAT {
        return Err(refused(format!("strftime_now takes a format of at most {MAX_DATE_FORMAT} bytes")));
    }
    Ok(())
}

/// Errs where `value`, written out, would be larger than [`MAX_BYTES`] or nest deeper than [`MAX_DEPTH`]. Looking costs
/// fuel, and ends as soon as the answer is known.
pub(super) fn check(state: &State, value: &Value) -> Result<(), Error> {
    if !holds_values(value) {
        return Ok(());
    }
    let mut left = MAX_BYTES;
    let weighed = weigh(value, 0, &mut left);
    state.consume_fuel(((MAX_BYTES - left) / (ITEM * ITEMS_PER_FUEL)) as u64)?;
    weighed
}

fn holds_values(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map)
}

fn weigh(value: &Value, depth: usize, left: &mut usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(refused(format!("a value holds lists within lists, more than {MAX_DEPTH} deep")));
    }
    let bytes = value.as_str().map_or(0, str::len) + ITEM;
    match left.checked_sub(bytes) {
        Some(rest) => *left = rest,
        None => return Err(refused(format!("a value is larger than {} MB when it is written out", MAX_BYTES >> 20))),
    }
    if !holds_values(value) {
        return Ok(());
    }
    for item in value.try_iter()? {
        weigh(&item, depth + 1, left)?;
        // Walking through a dictionary gives its keys.
        if value.kind() == ValueKind::Map {
            weigh(&value.get_item(&item)?, depth + 1, left)?;
        }
    }
    Ok(())
}

fn refused(words: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, words)
}

/// Puts a check of the namespace before every assignment to one, `{% set ns.x = … %}`. Namespaces are the one way to let
/// a value grow from turn to turn of a loop, and what is nested too deep could not even be freed.
///
/// The check stands where the assignment stood and strips white space as that did, so that nothing else changes.
pub(super) fn with_checked_namespaces(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut pieces = source.split("{%");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (mark, statement) = match piece.strip_prefix(['-', '+']) {
            Some(rest) => piece.split_at(piece.len() - rest.len()),
            None => ("", piece),
        };
        for namespace in assigned_namespaces(statement) {
            out.push_str(&format!("{{%{mark} if {namespace} is {CHECK} %}}{{% endif %}}"));
        }
        out.push_str("{%");
        out.push_str(piece);
    }
    out
}

/// The names before a dot, left of the `=` of a `set`.
fn assigned_namespaces(statement: &str) -> Vec<&str> {
    let Some(rest) = statement.trim_start().strip_prefix("set").filter(|rest| !rest.starts_with(is_name)) else {
        return Vec::new();
    };
    let Some((targets, _)) = rest.split_once('=').filter(|(targets, _)| !targets.contains("%}")) else {
        return Vec::new();
    };
    let names = targets.split(|c: char| !is_name(c) && c != '.' && !c.is_whitespace());
    let dotted = names.filter_map(|target| target.split_once('.').map(|(namespace, _)| namespace.trim()));
    dotted.filter(|name| !name.is_empty() && name.chars().all(is_name)).collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
