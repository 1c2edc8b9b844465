//! The figures of `compare` as a table on a terminal.

use crate::project::comparison::{Column, Compared, status_name};

/// The names above the columns of [`row`].
pub(super) fn head() -> String {
    format!(
        "\n{:<42}{:>12}{:>12}{:>10}{:>9}{:>9}{:>9}{:>9}{:>11}{:>10}",
        "method", "A and B", "+ router", "% model", "first", "best", "last", "time s", "Wh", "peak MB"
    )
}

/// One run; a star stands at the best figure of each column among `all`.
pub(super) fn row(run: &Compared, all: &[Compared]) -> String {
    let cell = |column: Column, text: &dyn Fn(f64) -> String| {
        let Some(value) = column.value(run) else { return "–".to_owned() };
        let is_best = run.is_whole() && column.best(all) == Some(value);
        format!("{}{}", text(value), if is_best { "*" } else { "" })
    };
    let title = if run.is_whole() { run.title() } else { format!("{} ({})", run.title(), status_name(&run.status)) };
    let estimated = run.energy.is_some_and(|energy| !energy.measured);
    let energy = cell(Column::Energy, &|wh| format!("{}{wh:.3}", if estimated { "~" } else { "" }));
    format!(
        "{title:<42}{:>12}{:>12}{:>10}{:>9}{:>9}{:>9}{:>9}{energy:>11}{:>10}",
        cell(Column::Parameters, &|count| format!("{count:.0}")),
        cell(Column::WithRouter, &|count| format!("{count:.0}")),
        cell(Column::Share, &|share| format!("{:.3}", 100.0 * share)),
        cell(Column::First, &loss),
        cell(Column::Best, &loss),
        cell(Column::Last, &loss),
        cell(Column::Time, &|seconds| format!("{seconds:.1}")),
        cell(Column::Memory, &|bytes| format!("{:.0}", bytes / 1e6)),
    )
}

fn loss(nats: f64) -> String {
    format!("{nats:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Method;
    use crate::project::runs::RunStatus;
    use crate::train::EnergyPart;

    fn run(method: Method, best: f64, status: RunStatus) -> Compared {
        Compared {
            run: "a".into(),
            status,
            method,
            rank: 8,
            heads: 3,
            a_count: 1,
            lr: 2e-4,
            parameters: 4_884_480,
            router_parameters: 420_000,
            share_of_model: Some(0.03943),
            held_out_first: Some(2.5),
            held_out_best: Some(best),
            held_out_last: None,
            elapsed_s: 123.4,
            energy: Some(EnergyPart { wh: 1.5, measured: false }),
            peak_bytes: Some(612_000_000),
        }
    }

    #[test]
    fn columns_stand_under_their_names_and_the_best_is_marked() {
        let all = [
            run(Method::HydraLora, 1.25, RunStatus::Finished),
            run(Method::LoraSplit, 1.5, RunStatus::Finished),
            run(Method::HydraLoraUniform, 1.0, RunStatus::Stopped),
        ];
        let rows: Vec<_> = all.iter().map(|run| row(run, &all)).collect();
        let width = head().trim_start_matches('\n').chars().count();
        assert!(rows[..2].iter().all(|row| row.chars().count() == width), "{rows:#?}");
        assert!(rows[0].contains("1.2500*") && rows[0].contains("3.943 ") && rows[0].contains("~1.500"), "{}", rows[0]);
        assert!(!rows[1].contains('*') && rows[1].contains('–'), "{}", rows[1]);
        assert!(rows[2].contains("(stopped)") && !rows[2].contains('*'), "{}", rows[2]);
    }
}
