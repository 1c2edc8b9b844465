//! Numbers as people read them: three digits that matter, grouped thousands, time in minutes.

pub use crate::figures::{count, counted};

/// `value` with three digits that matter, and powers of ten where it is tiny or huge: `0.412`, `1,204`, `2e-4`.
pub fn figure(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinite" } else { "minus infinite" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(0.001..1e7).contains(&size) {
        return power_of_ten(value);
    }
    if size >= 1000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size.round() as usize));
    }
    let decimals = match size {
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A number of parameters in the unit people use: `135 M`, `1.1 B`.
pub fn parameters(value: usize) -> String {
    let value = value as f64;
    match value {
        v if v >= 1e9 => format!("{} B", figure(v / 1e9)),
        v if v >= 1e6 => format!("{} M", figure(v / 1e6)),
        v if v >= 1e3 => format!("{} K", figure(v / 1e3)),
        v => figure(v),
    }
}

/// A size on disk in decimal units: `8.02 MB`.
pub fn bytes(value: u64) -> String {
    let value = value as f64;
    match value {
        v if v >= 1e9 => format!("{} GB", figure(v / 1e9)),
        v if v >= 1e6 => format!("{} MB", figure(v / 1e6)),
        v if v >= 1e3 => format!("{} kB", figure(v / 1e3)),
        v => format!("{v:.0} bytes"),
    }
}

/// The last part of a path, or all of it where there is none.
pub fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// A text in one line of at most `letters`, for a heading; what is left out is marked by an ellipsis.
pub fn in_one_line(text: &str, letters: usize) -> String {
    // One letter more than is shown tells whether anything is left out.
    let mut line: Vec<char> =
        text.trim().chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).take(letters + 1).collect();
    let is_cut = line.len() > letters;
    line.truncate(letters);
    let line: String = line.into_iter().collect();
    if is_cut { format!("{}…", line.trim_end()) } else { line }
}

/// The first `letters` of a text, and how many bytes come after them.
pub fn beginning(text: &str, letters: usize) -> (&str, usize) {
    let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    (text.get(..end).unwrap_or(text), text.len() - end)
}

/// A share of 1 in per cent: `31 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A length of time in the two largest units that matter: `42 s`, `3 min 20 s`, `2 h 05 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

fn power_of_ten(value: f64) -> String {
    let text = format!("{value:.1e}");
    text.replace(".0e", "e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_that_matter() {
        let cases = [
            (0.0, "0"),
            (0.4123, "0.412"),
            (2.3456, "2.35"),
            (-12.34, "-12.3"),
            (123.4, "123"),
            (1204.4, "1,204"),
            (0.0002, "2e-4"),
            (0.00025, "2.5e-4"),
            (3.2e9, "3.2e9"),
            (f64::NAN, "not a number"),
            (f64::INFINITY, "infinite"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn long_texts_are_shortened_and_say_so() {
        assert_eq!(
            (in_one_line(" Why?\nSay. ", 9), in_one_line("Why is it so?", 7)),
            ("Why? Say.".into(), "Why is…".into())
        );
        assert_eq!((beginning("Zwölf", 3), beginning("Zwölf", 9)), (("Zwö", 2), ("Zwölf", 0)));
    }

    #[test]
    fn sizes_take_the_unit_that_fits() {
        assert_eq!((bytes(940), bytes(8_020_000)), ("940 bytes".into(), "8.02 MB".into()));
        assert_eq!((parameters(134_515_008), parameters(1_100_048_384)), ("135 M".into(), "1.10 B".into()));
    }

    #[test]
    fn time_is_told_in_its_two_largest_units() {
        let cases =
            [(0.4, "0 s"), (59.6, "1 min 00 s"), (200.0, "3 min 20 s"), (7500.0, "2 h 05 min"), (2e5, "2 d 07 h")];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(duration(f64::NAN), "unknown");
    }
}
