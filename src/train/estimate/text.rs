//! Estimates in words.

use std::fmt;

use super::{Estimate, Mend};

/// `1.9 GB`, `460 MB`: bytes as people read them, two digits and what stands before.
pub fn memory_size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    match megabytes {
        m if m < 1.0 => "under 1 MB".to_owned(),
        m if m < 999.5 => format!("{m:.0} MB"),
        m if m < 9_950.0 => format!("{:.1} GB", m / 1e3),
        m => format!("{:.0} GB", m / 1e3),
    }
}

/// `about 1.9 GB: weights 540 MB, adapter 21 MB, …`
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().map(|(name, bytes)| format!("{name} {}", memory_size(bytes))).join(", ");
        write!(f, "about {}: {parts}", memory_size(self.total_bytes()))
    }
}

/// What is changed, at what price, and what it takes: `…, for the same result (about 1.4 GB, 1.3 times as long)`.
impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (about {}", self.text, memory_size(self.bytes))?;
        if self.slowdown > 1.02 {
            write!(f, ", {:.1} times as long", self.slowdown.max(1.1))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_digits_that_matter() {
        let sizes = [400_000, 45_600_000, 999_400_000, 999_600_000, 1_940_000_000, 23_400_000_000];
        let expected = ["under 1 MB", "46 MB", "999 MB", "1.0 GB", "1.9 GB", "23 GB"];
        assert_eq!(sizes.map(memory_size), expected);
    }

    #[test]
    fn an_estimate_says_its_sum_and_every_part() {
        let estimate = Estimate { weights: 540_000_000, activations: 1_200_000_000, ..Estimate::default() };
        let text = estimate.to_string();
        assert!(text.starts_with("about 1.7 GB: weights 540 MB") && text.contains("activations 1.2 GB"), "{text}");
    }
}
