//! Whether the heads of an adapter share the work in good health, judged by plain figures: the gates that a router gave,
//! and how alike the heads are. The same thresholds hold while training, after it, and in the verdict on a run.
//!
//! Routers of different modules are independent: a head may take all in one module and nothing in the next, which means
//! over all modules hide. So every fault is looked for over all modules together first, and where it is not there, module
//! by module; a fault of fewer than [`FEW_MODULES`] of them is not told of, and a deadlock of fewer than
//! [`MOST_MODULES`]: a module that has little to choose from is no fault.

use serde::{Deserialize, Serialize};

use super::{GateSummary, Module, leader};

/// A head whose mean gate is above this takes nearly all of it: the router has collapsed.
pub const LEADS_ALONE: f32 = 0.9;
/// Gates with more than this share of the largest possible entropy count as even.
pub const EVEN: f32 = 0.97;
/// Heads whose `B` have a cosine above this say the same. With even gates they learn the same too: a deadlock.
pub const ALIKE: f32 = 0.95;
/// A head with less than this share of the mean gate that an even router would give it is dead, where it leads no token.
pub const DEAD_SHARE: f32 = 0.05;
/// A head that leads fewer than this share of the tokens leads none.
pub const LEADS_NONE: f32 = 0.001;
/// A token's gates are saturated where one is above this: the router hardly learns from it any more.
pub const SATURATED: f32 = 0.95;
/// Gates are called saturated where more than this share of the tokens has such gates.
pub const MOSTLY_SATURATED: f32 = 0.5;
/// A fault in fewer than this share of the modules is not told of.
pub const FEW_MODULES: f32 = 0.1;
/// A deadlock in fewer than this share of the modules is not told of: where inputs are small, as those of output
/// projections are, gates begin even and heads alike, and part late.
pub const MOST_MODULES: f32 = 0.5;

/// What may be wrong with the heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthKind {
    /// One head takes nearly all: its mean gate is above [`LEADS_ALONE`].
    Collapse,
    /// The gates are even ([`EVEN`]) and the heads alike ([`ALIKE`]): no head can become another than the rest.
    Deadlock,
    /// A head takes next to nothing ([`DEAD_SHARE`]) and leads no token ([`LEADS_NONE`]).
    DeadHead,
    /// Most tokens ([`MOSTLY_SATURATED`]) go to one head alone ([`SATURATED`]), though not all to the same.
    Saturated,
}

/// One thing that is wrong with the heads, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthFinding {
    pub kind: HealthKind,
    /// The head that takes all, or the heads that take nothing; empty where it is about all heads, or where different
    /// heads of different modules are meant.
    pub heads: Vec<usize>,
    /// Where it is so, in forward order; empty where it is so over all modules together.
    pub modules: Vec<Module>,
    /// Modules that were looked at.
    pub of_modules: usize,
    /// The figure that crossed its threshold, the worst of them: a mean gate, a cosine, or a share of the tokens, by kind.
    pub figure: f32,
}

/// What is known of one module.
#[derive(Clone, Copy, Debug)]
pub struct ModuleHealth<'a> {
    pub module: Module,
    pub gates: &'a GateSummary,
    /// Mean cosine of every two heads' `B`; `None` where it is not known or has no meaning yet.
    pub similarity: Option<f32>,
}

/// What is wrong with heads that share tokens as `overall` and `modules` say; empty where they are in good health, and
/// always with a single head.
pub fn health(overall: &GateSummary, modules: &[ModuleHealth<'_>]) -> Vec<HealthFinding> {
    if overall.mean.len() < 2 {
        return Vec::new();
    }
    let similarities: Vec<f32> = modules.iter().filter_map(|module| module.similarity).collect();
    let similarity = similarities.iter().sum::<f32>() / similarities.len().max(1) as f32;
    let all = Figures { gates: overall, similarity: Some(similarity).filter(|_| !similarities.is_empty()) };
    let collapse = find(HealthKind::Collapse, &all, modules, &[]);
    // A head that takes all leaves the others dead and the gates saturated: that is told once.
    let is_collapsed = collapse.as_ref().is_some_and(|found| found.modules.is_empty());
    let known: Vec<Module> = collapse.iter().flat_map(|found| found.modules.iter().copied()).collect();
    let more = [HealthKind::Deadlock, HealthKind::DeadHead, HealthKind::Saturated];
    let more = more.into_iter().filter(|_| !is_collapsed).filter_map(|kind| find(kind, &all, modules, &known));
    collapse.iter().cloned().chain(more).collect()
}

/// What a fault is looked for in: all modules together, or one.
struct Figures<'a> {
    gates: &'a GateSummary,
    similarity: Option<f32>,
}

/// A fault, over all modules together or else in single ones but for `known`.
fn find(kind: HealthKind, all: &Figures<'_>, modules: &[ModuleHealth<'_>], known: &[Module]) -> Option<HealthFinding> {
    let of_modules = modules.len();
    if let Some((heads, figure)) = all.fault(kind) {
        return Some(HealthFinding { kind, heads, modules: Vec::new(), of_modules, figure });
    }
    let faulty: Vec<(Module, Vec<usize>, f32)> = modules
        .iter()
        .filter(|module| !known.contains(&module.module))
        .filter_map(|module| {
            let (heads, figure) = Figures { gates: module.gates, similarity: module.similarity }.fault(kind)?;
            Some((module.module, heads, figure))
        })
        .collect();
    let least = if kind == HealthKind::Deadlock { MOST_MODULES } else { FEW_MODULES };
    if faulty.is_empty() || (faulty.len() as f32) < least * of_modules as f32 {
        return None;
    }
    let (_, first, _) = faulty.first()?;
    let heads = if faulty.iter().all(|(_, heads, _)| heads == first) { first.clone() } else { Vec::new() };
    let worse = if kind == HealthKind::DeadHead { f32::min } else { f32::max };
    let figure = faulty.iter().map(|(_, _, figure)| *figure).reduce(worse)?;
    Some(HealthFinding {
        kind,
        heads,
        modules: faulty.into_iter().map(|(module, ..)| module).collect(),
        of_modules,
        figure,
    })
}

impl Figures<'_> {
    /// The heads that a fault is about and its figure, where it is there.
    fn fault(&self, kind: HealthKind) -> Option<(Vec<usize>, f32)> {
        let gates = self.gates;
        match kind {
            HealthKind::Collapse => {
                let (head, mean) = leader(&gates.mean);
                (mean > LEADS_ALONE).then(|| (vec![head], mean))
            }
            HealthKind::Deadlock => {
                let similarity = self.similarity.filter(|cosine| *cosine > ALIKE && gates.entropy > EVEN)?;
                Some((Vec::new(), similarity))
            }
            HealthKind::DeadHead => {
                let least = DEAD_SHARE / gates.mean.len() as f32;
                let both = gates.mean.iter().zip(&gates.leads).enumerate();
                let dead = both.filter(|(_, (mean, leads))| **mean < least && **leads < LEADS_NONE);
                let (heads, means): (Vec<usize>, Vec<f32>) = dead.map(|(head, (mean, _))| (head, *mean)).unzip();
                Some((heads, means.into_iter().reduce(f32::min)?))
            }
            HealthKind::Saturated => (gates.saturated > MOSTLY_SATURATED).then(|| (Vec::new(), gates.saturated)),
        }
    }
}

impl HealthFinding {
    /// What is wrong, in one sentence; `label` names a head as the reader knows it: `Head 2`, say.
    pub fn in_words(&self, label: &dyn Fn(usize) -> String) -> String {
        let named = |else_: &str| match self.heads.as_slice() {
            [] => else_.to_owned(),
            [head] => label(*head),
            heads => heads.iter().map(|head| label(*head)).collect::<Vec<_>>().join(", "),
        };
        let place = match (self.modules.as_slice(), self.of_modules) {
            ([], _) => String::new(),
            ([one], of) => format!(" in {one} (of {of} modules)"),
            (many, of) => format!(" in {} of {of} modules", many.len()),
        };
        let percent = format!("{:.0} %", self.figure * 100.0);
        let at_most = if self.modules.len() > 1 { "up to " } else { "" };
        match self.kind {
            HealthKind::Collapse => {
                format!(
                    "{} takes {at_most}{percent} of the gates{place}: the others hardly take part.",
                    named("One head")
                )
            }
            HealthKind::Deadlock => format!(
                "The gates are even and the heads alike{place} (cosine {:.2}): they all learn the same.",
                self.figure
            ),
            HealthKind::DeadHead if self.heads.len() > 1 => {
                format!("{} lead no token and take next to nothing{place}.", named(""))
            }
            HealthKind::DeadHead => format!("{} leads no token and takes next to nothing{place}.", named("A head")),
            HealthKind::Saturated => format!(
                "{at_most}{percent} of the tokens go to a single head alone{place}: the router hardly learns any more.",
                at_most = if at_most.is_empty() { "" } else { "Up to " }
            ),
        }
    }

    /// The next thing to try.
    pub fn next(&self) -> &'static str {
        match self.kind {
            HealthKind::Collapse => {
                "Try fewer heads, a lower learning rate or another seed; one head does the same for less."
            }
            HealthKind::Deadlock => {
                "Start the heads apart (another start of the router or of B), train longer, or use plain LoRA: it does the \
                 same for less."
            }
            HealthKind::DeadHead => "Try fewer heads, or another seed.",
            HealthKind::Saturated => "Lower the learning rate, so that gates stay soft for longer.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Target;

    fn summary(mean: &[f32], entropy: f32, saturated: f32) -> GateSummary {
        let (head, _) = leader(mean);
        let leads = (0..mean.len()).map(|i| if i == head { 0.9 } else { 0.1 / (mean.len() - 1) as f32 }).collect();
        GateSummary { mean: mean.to_vec(), leads, entropy, saturated }
    }

    /// The findings over modules with these gates and similarities, all of one layer each.
    fn found(modules: &[(GateSummary, Option<f32>)]) -> Vec<HealthFinding> {
        let heads = modules[0].0.mean.len();
        let over =
            |of: &dyn Fn(&GateSummary) -> f32| modules.iter().map(|(g, _)| of(g)).sum::<f32>() / modules.len() as f32;
        let overall = GateSummary {
            mean: (0..heads).map(|h| over(&|g| g.mean[h])).collect(),
            leads: (0..heads).map(|h| over(&|g| g.leads[h])).collect(),
            entropy: over(&|g| g.entropy),
            saturated: over(&|g| g.saturated),
        };
        let modules: Vec<ModuleHealth<'_>> = modules
            .iter()
            .enumerate()
            .map(|(layer, (gates, similarity))| ModuleHealth {
                module: Module { layer, target: Target::Up },
                gates,
                similarity: *similarity,
            })
            .collect();
        health(&overall, &modules)
    }

    fn kinds(findings: &[HealthFinding]) -> Vec<HealthKind> {
        findings.iter().map(|finding| finding.kind).collect()
    }

    fn words(finding: &HealthFinding) -> String {
        finding.in_words(&|head| format!("Head {}", head + 1))
    }

    #[test]
    fn heads_that_share_the_work_are_in_good_health() {
        let healthy = summary(&[0.5, 0.3, 0.2], 0.85, 0.05);
        assert!(found(&vec![(healthy, Some(0.3)); 14]).is_empty());
        let single = GateSummary { mean: vec![1.0], leads: vec![1.0], entropy: 0.0, saturated: 1.0 };
        assert!(found(&[(single, None)]).is_empty());
    }

    #[test]
    fn a_head_that_takes_nearly_all_is_a_collapse_and_nothing_else() {
        let collapsed = summary(&[0.02, 0.97, 0.01], 0.1, 0.9);
        let findings = found(&vec![(collapsed, Some(0.2)); 4]);
        assert_eq!(kinds(&findings), [HealthKind::Collapse]);
        assert_eq!((findings[0].heads.as_slice(), findings[0].modules.len()), (&[1usize][..], 0));
        assert_eq!(words(&findings[0]), "Head 2 takes 97 % of the gates: the others hardly take part.");
    }

    #[test]
    fn modules_that_collapse_towards_different_heads_are_seen_though_their_mean_is_even() {
        let to = |head: usize| {
            let mut mean = [0.03; 3];
            mean[head] = 0.94;
            (summary(&mean, 0.3, 0.4), Some(0.1))
        };
        let findings = found(&[to(0), to(1), to(2)]);
        assert_eq!(kinds(&findings), [HealthKind::Collapse]);
        assert_eq!((findings[0].heads.len(), findings[0].modules.len()), (0, 3));
        let told = words(&findings[0]);
        assert_eq!(told, "One head takes up to 94 % of the gates in 3 of 3 modules: the others hardly take part.");
    }

    #[test]
    fn one_odd_module_of_many_is_not_told_of() {
        let mut modules = vec![(summary(&[0.5, 0.5], 0.9, 0.0), Some(0.2)); 20];
        modules[7].0 = summary(&[0.95, 0.05], 0.2, 0.6);
        assert!(found(&modules).is_empty());
        modules[8].0 = summary(&[0.95, 0.05], 0.2, 0.6);
        assert_eq!(kinds(&found(&modules)), [HealthKind::Collapse]);
    }

    #[test]
    fn even_gates_are_a_deadlock_only_where_the_heads_are_alike() {
        let even = summary(&[0.34, 0.33, 0.33], 0.995, 0.0);
        assert!(found(&vec![(even.clone(), Some(0.6)); 4]).is_empty());
        assert!(found(&vec![(even.clone(), None); 4]).is_empty(), "heads that have not learnt have no likeness");
        let findings = found(&vec![(even, Some(0.98)); 4]);
        assert_eq!(kinds(&findings), [HealthKind::Deadlock]);
        assert!(words(&findings[0]).contains("cosine 0.98"));
    }

    #[test]
    fn a_deadlock_of_some_modules_is_how_every_run_begins() {
        let (even, parted) = (summary(&[0.34, 0.33, 0.33], 0.995, 0.0), summary(&[0.5, 0.3, 0.2], 0.9, 0.0));
        let mut modules = vec![(parted, Some(0.5)); 7];
        modules[..3].fill((even.clone(), Some(0.99)));
        assert!(found(&modules).is_empty());
        modules[3] = (even, Some(0.99));
        assert_eq!((kinds(&found(&modules)), found(&modules)[0].modules.len()), (vec![HealthKind::Deadlock], 4));
    }

    #[test]
    fn a_head_without_tokens_is_dead() {
        let gates =
            GateSummary { mean: vec![0.6, 0.39, 0.01], leads: vec![0.7, 0.3, 0.0], entropy: 0.6, saturated: 0.1 };
        let findings = found(&vec![(gates.clone(), Some(0.2)); 2]);
        assert_eq!((kinds(&findings), findings[0].heads.clone()), (vec![HealthKind::DeadHead], vec![2]));
        assert_eq!(words(&findings[0]), "Head 3 leads no token and takes next to nothing.");
        let leads_some = GateSummary { leads: vec![0.7, 0.29, 0.01], ..gates };
        assert!(found(&[(leads_some, Some(0.2))]).is_empty());
    }

    #[test]
    fn gates_that_have_hardened_are_saturated() {
        let findings = found(&vec![(summary(&[0.5, 0.5], 0.1, 0.8), Some(0.2)); 3]);
        assert_eq!(kinds(&findings), [HealthKind::Saturated]);
        assert!(words(&findings[0]).starts_with("80 % of the tokens go to a single head"));
    }
}
