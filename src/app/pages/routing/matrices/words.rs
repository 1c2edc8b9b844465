//! What a comparison of matrices says, in words that claim no more than is there.

use crate::app::widgets::figures::{count, counted};
use crate::inspect::matrices::{Alike, MatrixMap, MatrixReport, MatrixUnit, UnitCosines};

/// From this mean cosine on matrices count as alike, and below that as apart.
const ALIKE: f32 = 0.8;
const APART: f32 = 0.5;

/// An adapter's name, and that of its head where it has several.
pub fn unit_name(report: &MatrixReport, unit: MatrixUnit) -> String {
    let name = report.adapters.get(unit.adapter).map_or("", |adapter| adapter.name.as_str());
    unit.head.map_or_else(|| name.to_owned(), |head| format!("{name}, Head {}", head + 1))
}

/// What the comparison comes to.
pub fn verdict(report: &MatrixReport) -> String {
    let Alike { a_across, b_across, b_heads, .. } = report.alike;
    let mut words = match (a_across, b_across) {
        (Some(a), Some(b)) => {
            let headline = match (a >= ALIKE, b < APART) {
                (true, true) => "A alike, B apart",
                (true, false) => "A alike, and B too, or in part",
                (false, true) => "A and B both differ",
                (false, false) => "A differs, B less so",
            };
            format!("{headline}: between adapters the mean cosine of A is {a:.2}, that of B {b:.2}.")
        }
        (Some(a), None) => {
            format!("Between adapters the mean cosine of A is {a:.2}; B is still zero, as before training.")
        }
        _ => format!(
            "{} alone: there is nothing between adapters to compare.",
            counted(report.adapters.len(), "adapter")
        ),
    };
    if let Some(heads) = b_heads {
        words += &format!(" Between heads of one adapter the mean cosine of B is {heads:.2}.");
    }
    words + &about_start(&report.alike)
}

/// Owns up where the start alone makes `A` alike.
fn about_start(alike: &Alike) -> String {
    let start = match alike.one_seed {
        Some(seed) => {
            format!(" All began with the same random A (seed {seed}), which alone makes A alike")
        }
        None => " Whether they began with the same random A is not known of all, and that alone would make A alike"
            .to_owned(),
    };
    match (alike.a_across, alike.a_moved, alike.one_seed) {
        (None, ..) => String::new(),
        (_, Some(moved), Some(_)) => format!("{start}: of what training added to A, the mean cosine is {moved:.2}."),
        (_, Some(moved), None) => {
            format!(" They began with different random A; of what training added, the mean cosine is {moved:.2}.")
        }
        _ => format!("{start}."),
    }
}

/// The two units that are most alike and those that are least, for who cannot see the picture.
pub fn table_words(report: &MatrixReport, cosines: &UnitCosines) -> String {
    let units = cosines.units.len();
    let pairs = (0..units).flat_map(|i| (i + 1..units).map(move |j| (i, j)));
    let known = pairs.filter_map(|(i, j)| Some((i, j, cosines.cosines.get(i * units + j).copied().flatten()?)));
    let known: Vec<(usize, usize, f32)> = known.collect();
    let name = |unit: usize| cosines.units.get(unit).map_or_else(String::new, |unit| unit_name(report, *unit));
    let most = known.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    let least = known.iter().min_by(|a, b| a.2.total_cmp(&b.2));
    match (most, least) {
        (Some(most), Some(least)) if known.len() > 1 => format!(
            "Cosines of {}. Most alike: {} and {}, {:.2}. Least: {} and {}, {:.2}.",
            cosines.kind.title(),
            name(most.0),
            name(most.1),
            most.2,
            name(least.0),
            name(least.1),
            least.2
        ),
        (Some(only), _) => {
            format!(
                "The cosine of {} between {} and {} is {:.2}.",
                cosines.kind.title(),
                name(only.0),
                name(only.1),
                only.2
            )
        }
        _ => format!("There are no two {} to compare, or they are zero.", cosines.kind.title()),
    }
}

/// What a map shows, in words.
pub fn map_words(report: &MatrixReport, map: &MatrixMap, is_tsne: bool) -> String {
    let what = format!(
        "{} matrices {} in {} of {}",
        count(map.points.len()),
        map.kind.title(),
        map.target,
        counted(report.adapters.len(), "adapter")
    );
    if is_tsne {
        let near = map.perplexity;
        return format!(
            "{what}, by t-SNE: near points are alike, and far ones say little of how far. Each keeps about {near:.0} \
             neighbours near."
        );
    }
    let [first, second] = map.explained.map(|share| 100.0 * share);
    format!("{what}, by their two principal components, which hold {first:.0} % and {second:.0} % of the variance.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;
    use crate::inspect::matrices::{ComparedAdapter, MatrixKind};

    fn report(alike: Alike) -> MatrixReport {
        let adapter = |name: &str| ComparedAdapter {
            name: name.into(),
            path: name.into(),
            method: Method::Lora,
            rank: 8,
            heads: 1,
            layers: 2,
            seed: None,
        };
        MatrixReport {
            adapters: vec![adapter("law"), adapter("code")],
            left_out: Vec::new(),
            alike,
            units: Vec::new(),
            layers: Vec::new(),
            maps: Vec::new(),
        }
    }

    #[test]
    fn alike_and_apart_are_said_only_where_they_are() {
        let says = |a, b| verdict(&report(Alike { a_across: Some(a), b_across: Some(b), ..Alike::default() }));
        assert!(
            says(0.9, 0.1).contains("A alike, B apart: between adapters the mean cosine of A is 0.90, that of B 0.10")
        );
        assert!(says(0.2, 0.1).contains("A and B both differ"));
        assert!(says(0.9, 0.9).contains("A alike, and B too"));
        assert!(!says(0.2, 0.9).contains("apart"));
    }

    #[test]
    fn a_shared_start_is_owned_up_to() {
        let alike = Alike { a_across: Some(0.99), b_across: Some(0.1), one_seed: Some(42), ..Alike::default() };
        assert!(verdict(&report(alike)).contains("same random A (seed 42), which alone makes A alike."));
        let moved = Alike { a_moved: Some(0.12), ..alike };
        assert!(verdict(&report(moved)).contains("of what training added to A, the mean cosine is 0.12"));
        let apart = Alike { one_seed: None, ..moved };
        assert!(verdict(&report(apart)).contains("began with different random A"));
    }

    #[test]
    fn the_most_and_the_least_alike_are_named() {
        let unit = |adapter, head| MatrixUnit { adapter, head: Some(head) };
        let units = vec![unit(0, 0), unit(0, 1), unit(1, 0)];
        let cosines = [1.0, 0.7, 0.1, 0.7, 1.0, 0.3, 0.1, 0.3, 1.0].map(Some).to_vec();
        let cosines = UnitCosines { kind: MatrixKind::B, target: None, units, cosines };
        let words = table_words(&report(Alike::default()), &cosines);
        assert!(
            words.contains("Most alike: law, Head 1 and law, Head 2, 0.70. Least: law, Head 1 and code, Head 1, 0.10")
        );
    }
}
