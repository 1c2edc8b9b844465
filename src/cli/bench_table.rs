//! The figures of `bench` as a table on a terminal.

use crate::train::bench::{Figures, MethodCost, TimeShares};

/// The names above the columns of [`case_row`].
pub(super) fn case_head() -> String {
    format!(
        "\n{:<15}{:>7}{:>9}{:>9}{:>10}{:>11}{:>10}{:>9}{:>9}",
        "case", "tokens", "wall s", "CPU s", "tokens/s", "per CPU-s", "GFLOP/s", "ceiling", "peak MB"
    )
}

/// One case, with a line below it that says where the time went.
pub(super) fn case_row(figures: &Figures) -> String {
    format!(
        "{:<15}{:>7}{:>9}{:>9}{:>10}{:>11}{:>10.1}{:>9}{:>9}\n  {}",
        figures.case,
        figures.tokens,
        seconds(figures.pace.wall_s),
        known(figures.pace.cpu_s, seconds),
        rate(figures.pace.tokens_per_s),
        known(figures.pace.tokens_per_cpu_s, rate),
        figures.flops_per_s / 1e9,
        known(figures.share_of_ceiling, |share| format!("{:.0} %", 100.0 * share)),
        known(figures.peak_memory_bytes, |bytes| format!("{:.0}", bytes as f64 / 1e6)),
        shares(&figures.shares)
    )
}

/// The names above the columns of [`method_row`].
pub(super) fn method_head() -> String {
    format!(
        "\n{:<24}{:>12}{:>9}{:>9}{:>10}{:>11}{:>10}",
        "method", "parameters", "wall s", "CPU s", "tokens/s", "per CPU-s", "cost"
    )
}

/// One method.
pub(super) fn method_row(method: &MethodCost) -> String {
    let shape = match method.heads {
        1 => format!("{} r {}", method.method.title(), method.rank),
        heads => format!("{} r {}, {heads} heads", method.method.title(), method.rank),
    };
    format!(
        "{shape:<24}{:>12}{:>9}{:>9}{:>10}{:>11}{:>10}",
        method.parameters + method.router_parameters,
        seconds(method.pace.wall_s),
        known(method.pace.cpu_s, seconds),
        rate(method.pace.tokens_per_s),
        known(method.pace.tokens_per_cpu_s, rate),
        format!("× {:.3}", method.relative_cost)
    )
}

/// Where the time went, the largest share first; what rounds to nothing is left out.
fn shares(shares: &TimeShares) -> String {
    let mut sorted = shares.0.clone();
    sorted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let told = sorted.iter().filter(|(_, share)| *share >= 0.005);
    told.map(|(name, share)| format!("{name} {:.0} %", 100.0 * share)).collect::<Vec<_>>().join(", ")
}

fn known<T>(figure: Option<T>, text: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| "–".to_owned(), text)
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// Rates of a few tokens a second need a decimal more than those of hundreds.
fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}") } else { format!("{per_second:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;
    use crate::train::bench::Pace;

    fn figures() -> Figures {
        Figures {
            case: "decode-adapter".into(),
            steps: 5,
            tokens: 1024,
            supervised: 1020,
            pace: Pace { wall_s: 4.25, cpu_s: None, tokens_per_s: 240.94, tokens_per_cpu_s: Some(12.34) },
            flops_per_s: 1.5e11,
            share_of_ceiling: Some(0.873),
            peak_memory_bytes: Some(1_234_567_890),
            shares: TimeShares(vec![("norms", 0.001), ("attention", 0.25), ("base products", 0.7)]),
        }
    }

    #[test]
    fn columns_stand_under_their_names() {
        let (head, row) = (case_head(), case_row(&figures()));
        let (head, row) = (head.trim_start_matches('\n'), row.lines().next().unwrap());
        assert_eq!(head.chars().count(), row.chars().count(), "{head}\n{row}");
        assert!(row.contains("1024") && row.contains("–") && row.contains("12.3") && row.contains("87 %"), "{row}");
    }

    #[test]
    fn the_largest_share_comes_first_and_nothing_is_not_told() {
        assert!(case_row(&figures()).ends_with("\n  base products 70 %, attention 25 %"));
    }

    #[test]
    fn methods_are_told_with_rank_heads_and_all_their_parameters() {
        let method = MethodCost {
            method: Method::LoraMoe,
            rank: 8,
            heads: 4,
            parameters: 1000,
            router_parameters: 24,
            rounds: 3,
            tokens: 1024,
            pace: Pace { wall_s: 1.0, cpu_s: Some(2.0), tokens_per_s: 1024.0, tokens_per_cpu_s: Some(512.0) },
            relative_cost: 1.0625,
        };
        let row = method_row(&method);
        assert_eq!(row.chars().count(), method_head().chars().count() - 1, "{row}");
        assert!(row.starts_with("LoRA-MoE r 8, 4 heads ") && row.contains(" 1024 ") && row.contains("1.06"), "{row}");
    }
}
