//! What `import --audit` adds: faults of the rows, each with a mend, and what a model will learn from them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::data::audit::{DataAudit, Fault, Finding, Findings, KEPT, Severity, audit};
use crate::data::{Import, split};
use crate::figures;
use crate::model::BaseModel;
use crate::text::audit::{Histogram, TokenAudit, read};
use crate::train::TrainSettings;

/// Findings of a fault that are written out as text; `--json` tells all that are kept.
const SHOWN: usize = 20;

/// The flags of an audit.
#[derive(Args, Clone, Debug)]
pub struct AuditFlags {
    /// Look for faults: duplicates, broken texts, turns out of order, personal data, and more with a model
    #[arg(long)]
    pub audit: bool,

    /// Also tell what this model will learn: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "M", requires = "audit")]
    pub model: Option<PathBuf>,

    /// Longest example in tokens
    #[arg(long, value_name = "T", requires = "model", default_value_t = TrainSettings::default().context)]
    pub context: usize,
}

/// The event `finding`: one fault of one row.
#[derive(Serialize)]
struct FindingEvent<'a> {
    fault: Fault,
    severity: Severity,
    file: &'a str,
    line: usize,
    reason: &'a str,
    mend: &'static str,
}

/// The event `audit`: all that was found, summed up.
#[derive(Serialize)]
struct AuditEvent<'a> {
    examples: usize,
    /// How often each fault was found, those left out that were not.
    counts: BTreeMap<Fault, usize>,
    #[serde(flatten)]
    reading: Option<ReadingEvent<'a>>,
    note: Option<&'a str>,
}

/// What a model will learn.
#[derive(Serialize)]
struct ReadingEvent<'a> {
    context: usize,
    read: usize,
    whole: usize,
    lengths: &'a Histogram,
    supervised: &'a Histogram,
    /// The least context that leaves 99 % of the examples whole.
    context99: Option<usize>,
}

/// Looks for faults in what was imported, and tells them.
///
/// # Errors
/// Where the model's tokenizer cannot be read, and when the command is interrupted.
pub(super) fn run(flags: &AuditFlags, import: &Import, output: &Output) -> anyhow::Result<()> {
    let settings = TrainSettings::default();
    let held_out = split(&import.examples, settings.held_out, settings.seed).held_out;
    let found = audit(&import.examples, &import.dropped, &held_out, output.job())?;
    let reading = match &flags.model {
        Some(path) => {
            let (tokenizer, longest) = BaseModel::read_tokenizer(path)?;
            let context = flags.context.min(longest);
            Some((context, read(&import.examples, &tokenizer, output.job())?.audit(context, longest)))
        }
        None => None,
    };
    output.clear_progress();
    let of_tokens = reading.as_ref().map(|(_, audit)| &audit.findings);
    tell_findings([Some(&found.findings), of_tokens], output);
    tell_sum(import.examples.len(), &found, reading.as_ref(), output);
    Ok(())
}

fn tell_findings(all: [Option<&Findings>; 2], output: &Output) {
    for (fault, findings) in Fault::ALL.into_iter().flat_map(|fault| all.map(|findings| (fault, findings))) {
        let Some(findings) = findings.filter(|findings| findings.count(fault) > 0) else { continue };
        let count = findings.count(fault);
        output.line(&format!(
            "\n{} ({}, {}): {}",
            fault.name(),
            fault.severity().word(),
            figures::count(count),
            fault.why()
        ));
        for (number, finding) in findings.of(fault).iter().enumerate() {
            tell_finding(finding, output);
            if number < SHOWN {
                output.line(&format!("  {}  {}: {}", finding.source, finding.reason, finding.mend.advice()));
            }
        }
        if count > SHOWN {
            output.line(&format!("  and {} more", figures::count(count - SHOWN)));
        }
        if count > KEPT {
            output.note(&format!(
                "Of {} findings of {} the first {} are listed.",
                figures::count(count),
                fault.name(),
                figures::count(KEPT)
            ));
        }
    }
}

fn tell_finding(finding: &Finding, output: &Output) {
    output.event(
        "finding",
        FindingEvent {
            fault: finding.fault,
            severity: finding.fault.severity(),
            file: &finding.source.file,
            line: finding.source.line,
            reason: &finding.reason,
            mend: finding.mend.advice(),
        },
    );
}

fn tell_sum(examples: usize, found: &DataAudit, reading: Option<&(usize, TokenAudit)>, output: &Output) {
    let of_tokens = reading.map(|(_, audit)| &audit.findings);
    let count = |fault| found.findings.count(fault) + of_tokens.map_or(0, |findings| findings.count(fault));
    let counts: BTreeMap<Fault, usize> =
        Fault::ALL.into_iter().map(|fault| (fault, count(fault))).filter(|(_, count)| *count > 0).collect();
    if counts.is_empty() {
        output.line("\nNo faults were found.");
    } else {
        output.line("\nFaults:");
        for (fault, count) in &counts {
            output.line(&format!("  {:>9}  {:<8}  {}", figures::count(*count), fault.severity().word(), fault.name()));
        }
    }
    if let Some((context, audit)) = reading {
        tell_reading(*context, audit, output);
    }
    let event = reading.map(|(context, audit)| ReadingEvent {
        context: *context,
        read: audit.read,
        whole: audit.whole,
        lengths: &audit.lengths,
        supervised: &audit.learnt,
        context99: audit.fitting,
    });
    output.event("audit", AuditEvent { examples, counts, reading: event, note: found.note.as_deref() });
    found.note.iter().for_each(|note| output.line(note));
}

fn tell_reading(context: usize, audit: &TokenAudit, output: &Output) {
    let (lengths, learnt) = (&audit.lengths, &audit.learnt);
    output.line(&format!("\nWhat will be learned, with a context of {context} tokens:"));
    output.line(&format!(
        "  {} are read, {} of them whole",
        figures::counted(audit.read, "example"),
        figures::count(audit.whole)
    ));
    output.line(&format!(
        "  lengths: median {}, longest {}, mean {:.1}",
        lengths.median,
        lengths.longest,
        lengths.mean()
    ));
    output.line(&format!("  tokens that count: {} in all, median {} an example", learnt.total, learnt.median));
    if let Some(fitting) = audit.fitting {
        output.line(&format!("  a context of {fitting} tokens fits 99 % of the examples"));
    }
}
