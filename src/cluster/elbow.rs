//! Where a falling curve bends most (Satopää et al. 2011, "kneedle", without smoothing: the curves are short).

/// Of the numbers whose distance is within this share of the largest, the smallest is taken: fewer heads do as well.
const NEARLY: f64 = 0.95;

/// A bend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elbow {
    /// Place in the curve, counted from 1: the number of groups.
    pub groups: usize,
    /// How far the curve lies below the line from its first to its last point there, as a share of the first value.
    pub strength: f64,
}

/// The bend of `curve`, whose entry `i` belongs to `i + 1` groups. A curve of fewer than three points has none.
pub fn elbow(curve: &[f64]) -> Option<Elbow> {
    let (first, last) = (*curve.first()?, *curve.last()?);
    if curve.len() < 3 || first <= 0.0 {
        return None;
    }
    let slope = (last - first) / (curve.len() - 1) as f64;
    let below = |(i, value): (usize, &f64)| (first + slope * i as f64 - value) / first;
    let distances: Vec<f64> = curve.iter().enumerate().map(below).collect();
    let largest = distances.iter().copied().fold(0.0, f64::max);
    let at = distances.iter().position(|distance| *distance >= NEARLY * largest && largest > 0.0)?;
    Some(Elbow { groups: at + 1, strength: largest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bend_is_found_where_it_is() {
        let found = elbow(&[100.0, 70.0, 40.0, 38.0, 36.0, 34.0]).unwrap();
        assert_eq!(found.groups, 3);
        assert!((found.strength - 0.336).abs() < 1e-6);
    }

    #[test]
    fn a_straight_line_and_a_short_curve_have_none() {
        assert_eq!(elbow(&[4.0, 3.0, 2.0, 1.0]), None);
        assert_eq!(elbow(&[4.0, 1.0]), None);
        assert_eq!(elbow(&[0.0; 5]), None);
    }
}
