//! Whole numbers as people read them, wherever they are told: on screen, in messages, in progress.

/// A whole number with its thousands apart: `12,345`.
pub fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `value` and its noun, in the plural unless there is one: `1 head`, `3 heads`.
pub fn counted(value: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!((count(7), count(1000), count(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!((counted(1, "head"), counted(2000, "step")), ("1 head".into(), "2,000 steps".into()));
    }
}
