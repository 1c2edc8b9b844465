//! The card "What will be learned" in the real window, with the test in the worker's place; and as a picture.

#[expect(dead_code, reason = "other tests play on this stage too")]
#[path = "ui_charts/stage.rs"]
mod stage;

use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotResults};
use hydra_studio::app::commands::queue;
use hydra_studio::app::pages::data::audit::AuditCard;
use hydra_studio::app::pages::{PageContext, PageId};
use hydra_studio::app::settings::Persisted;
use hydra_studio::app::state::AppState;
use hydra_studio::app::theme;
use hydra_studio::data::audit::{Fault, Finding, Mend};
use hydra_studio::data::{Edit, Source};
use hydra_studio::text::audit::Histogram;
use hydra_studio::worker::protocol::{
    AuditSummary, DataMend, DataSummary, Event, FaultSummary, JobKind, ReadingSummary, Request,
};

use stage::{Stage, THEMES, data, model, noise};

fn findings(fault: Fault, count: usize, reason: &str) -> FaultSummary {
    let finding = |row: usize| Finding {
        fault,
        row: Some(row),
        source: Source { file: "/home/ada/faq.jsonl".into(), line: row + 1 },
        reason: format!("{reason} {row}"),
        mend: fault.mends()[0],
    };
    FaultSummary { fault, count, examples: count, findings: (0..count.min(2_000)).map(finding).collect() }
}

fn lengths() -> Vec<usize> {
    (0..2_000)
        .map(|row| 40 + (noise(row) * 160.0) as usize + (noise(row + 9) * noise(row + 5) * 300.0) as usize)
        .collect()
}

fn audit(context: usize) -> AuditSummary {
    let lengths = lengths();
    let whole = lengths.iter().filter(|length| **length <= context).count();
    let learnt = lengths.iter().map(|length| length / 3).collect();
    AuditSummary {
        context,
        examples: 2_000,
        reading: Some(ReadingSummary {
            model: "SmolLM2 135M Instruct".into(),
            read: 2_000,
            whole,
            lengths: Histogram::of(lengths, Some(context)),
            learnt: Histogram::of(learnt, None),
            fitting: Some(424),
        }),
        faults: vec![
            findings(Fault::NothingToLearn, 3, "its first answer begins at token"),
            findings(Fault::Cut, 41, "of 300 tokens 44 are beyond the context of 256, 12 of which count; row"),
            findings(Fault::ExactDuplicate, 12, "it says the same as line"),
            findings(Fault::PersonalData, 7, "it seems to hold an e-mail address, such as ad…uk; row"),
        ],
        note: None,
    }
}

fn audited(context: usize) -> Event {
    Event::Audited(Box::new(audit(context)))
}

fn audits(requests: &[Request]) -> Vec<usize> {
    let context = |request: &Request| match request {
        Request::AuditData { context } => Some(*context),
        _ => None,
    };
    requests.iter().filter_map(context).collect()
}

fn has(stage: &Stage, text: &str) -> bool {
    stage.window.query_all_by_label_contains(text).next().is_some()
}

fn press(stage: &mut Stage, label: &str) {
    stage.window.get_by_label(label).click();
    stage.settle();
}

#[test]
fn data_of_moderate_size_is_looked_through_by_itself_and_again_with_another_model() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data()]);
    assert_eq!(audits(&stage.requests()).len(), 1);
    stage.tell([Event::Audited(Box::new(AuditSummary { reading: None, faults: Vec::new(), ..audit(1024) }))]);
    assert!(has(&stage, "No faults were found.") && has(&stage, "Load a model to see how many tokens"));
    assert!(audits(&stage.requests()).is_empty(), "once is enough");

    stage.tell([model()]);
    assert_eq!(audits(&stage.requests()).len(), 1);
    assert!(has(&stage, "No faults were found."), "what was found stays in sight meanwhile");
    stage.tell([audited(1024)]);
    assert!(has(&stage, "Nothing left to learn: 3 rows") && !has(&stage, "No faults were found."));
    assert!(has(&stage, "3 errors, 53 warnings, 7 notices in 2,000 examples"));
}

#[test]
fn large_data_waits_for_the_button_and_other_data_begins_anew() {
    let mut stage = Stage::on(PageId::Data);
    let Event::DataImported(summary) = data() else { unreachable!() };
    let large = DataSummary { rows: 60_000, kept: 60_000, ..summary };
    stage.tell([model(), Event::DataImported(large)]);
    assert!(audits(&stage.requests()).is_empty());
    press(&mut stage, "Look for faults");
    assert_eq!(audits(&stage.requests()).len(), 1);
    stage.tell([Event::Progress { job: JobKind::AuditData, share: Some(0.4), note: "Looking for faults".into() }]);
    assert!(has(&stage, "Looking for faults 40 %"));
    press(&mut stage, "Cancel");
    assert!(stage.requests().contains(&Request::Cancel { job: JobKind::AuditData }));
    stage.tell([Event::Cancelled { job: JobKind::AuditData }]);
    assert!(has(&stage, "Look for faults"));
    stage.tell([data()]);
    assert_eq!(audits(&stage.requests()).len(), 1);
}

#[test]
fn a_fault_opens_its_rows_with_file_line_reason_and_mend() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model(), audited(256)]);
    assert!(!has(&stage, "it says the same as line 4"));
    press(&mut stage, "Exact duplicate: 12 rows");
    for text in ["it says the same as line 4", "Drop this row", "faq.jsonl", "File", "Line", "Reason"] {
        assert!(has(&stage, text), "{text}");
    }
    assert!(!has(&stage, "it says the same as line 11"), "only what is in view is drawn");
    press(&mut stage, "Cut: 41 rows");
    assert!(!has(&stage, "it says the same as line 4"), "one list at a time");
    press(&mut stage, "Cut: 41 rows");
    assert!(!has(&stage, "44 are beyond"));
}

#[test]
fn the_keyboard_reaches_a_fault_and_opens_it() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model(), audited(256)]);
    stage.window.get_by_role_and_label(Role::Button, "Personal data: 7 rows").focus();
    stage.settle();
    stage.window.key_press(egui::Key::Enter);
    stage.settle();
    assert!(has(&stage, "such as ad…uk; row 3"));
}

#[test]
fn the_context_that_fits_is_taken_and_the_audit_follows_it() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model()]);
    let first = audits(&stage.requests());
    stage.tell([audited(first[0])]);
    press(&mut stage, "Set context to 424");
    assert_eq!(audits(&stage.requests()), [424]);
    assert!(has(&stage, "Undo on the Train page"));
    stage.tell([audited(424)]);
    assert!(has(&stage, "The context of 424 tokens fits 99 % of the examples."));
}

#[test]
fn pictures_have_a_summary_and_a_failure_is_said_and_can_be_tried_again() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model()]);
    stage.requests();
    stage.tell([audited(256)]);
    for text in ["longer than the context of 256", "Tokens that count in 2,000 examples: median"] {
        assert_eq!(stage.window.query_all_by_label_contains(text).count(), 1, "{text}");
    }
    stage.requests();
    press(&mut stage, "Look again");
    assert_eq!(audits(&stage.requests()).len(), 1);
    stage.tell([Event::Failed { job: JobKind::AuditData, message: "the file has gone".into() }]);
    assert!(has(&stage, "the file has gone") && has(&stage, "Cut: 41 rows"));
    assert!(audits(&stage.requests()).is_empty(), "it does not try again by itself for ever");
    press(&mut stage, "Look again");
    assert_eq!(audits(&stage.requests()).len(), 1);
}

fn mends(requests: Vec<Request>) -> Vec<DataMend> {
    let wish = |request| if let Request::MendData(wish) = request { Some(wish) } else { None };
    requests.into_iter().filter_map(wish).collect()
}

#[test]
fn a_fault_is_mended_for_all_rows_or_for_one() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model(), audited(256)]);
    press(&mut stage, "Exact duplicate: 12 rows");
    stage.requests();
    press(&mut stage, "Merge duplicates");
    let wish = DataMend { fault: Fault::ExactDuplicate, mend: Mend::Merge, context: 256, row: None };
    assert_eq!(mends(stage.requests()), std::slice::from_ref(&wish));
    stage.window.get_all_by_label("Drop this row").next().expect("a row").click();
    stage.settle();
    assert_eq!(mends(stage.requests()), [DataMend { row: Some(0), ..wish }]);
    let Event::DataImported(summary) = data() else { unreachable!() };
    stage.tell([Event::DataEdited(summary)]);
    assert_eq!(audits(&stage.requests()).len(), 1, "what was changed is looked through again");
}

/// The faults whose rows were asked for; `None` where all were.
fn listed(requests: &[Request]) -> Vec<Option<Fault>> {
    let fault = |request: &Request| match request {
        Request::ListRows { query, .. } => Some(query.fault),
        _ => None,
    };
    requests.iter().filter_map(fault).collect()
}

#[test]
fn the_rows_of_a_fault_are_listed_alone_until_its_mark_is_pressed_or_the_data_goes() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model(), audited(256)]);
    stage.requests();
    stage.window.get_by_role_and_label(Role::Button, "Show in table: Exact duplicate").focus();
    stage.settle();
    stage.window.key_press(egui::Key::Enter);
    stage.settle();
    assert_eq!(listed(&stage.requests()), [Some(Fault::ExactDuplicate)]);
    let chip = "List not only: Exact duplicate (12)";
    assert!(stage.window.get_by_label(chip).is_focused(), "the keyboard is where the rows are");
    stage.tell([audited(424)]);
    assert_eq!(listed(&stage.requests()), [Some(Fault::ExactDuplicate)], "other rows may have it now");
    stage.window.key_press(egui::Key::Enter);
    stage.settle();
    assert_eq!(listed(&stage.requests()), [None]);
    press(&mut stage, "Show in table: Cut");
    assert_eq!(listed(&stage.requests()), [Some(Fault::Cut)]);
    stage.tell([data()]);
    assert_eq!(listed(&stage.requests()), [None]);
    assert!(!has(&stage, "List not only"));
}

#[test]
fn what_is_meant_so_is_kept_and_can_be_listed_again() {
    let mut stage = Stage::on(PageId::Data);
    stage.tell([data(), model(), audited(256)]);
    press(&mut stage, "Personal data: 7 rows");
    stage.requests();
    press(&mut stage, "Keep");
    let judge = |is_fine| Request::EditData(Edit::Judge { fault: Fault::PersonalData, is_fine });
    assert_eq!(stage.requests(), [judge(true)]);
    let Event::DataImported(mut summary) = data() else { unreachable!() };
    summary.edits.fine.insert(Fault::PersonalData);
    stage.tell([Event::DataEdited(summary)]);
    stage.requests();
    assert!(has(&stage, "Kept as they are: Personal data, 7 rows.") && !has(&stage, "Personal data: 7 rows"));
    assert!(has(&stage, "3 errors, 53 warnings in 2,000 examples"));
    press(&mut stage, "List \"personal data\" again");
    assert_eq!(stage.requests(), [judge(false)]);
    let Event::DataImported(summary) = data() else { unreachable!() };
    stage.tell([Event::DataEdited(summary)]);
    assert!(has(&stage, "Personal data: 7 rows"));
}

/// The card as a picture in both themes, after `before` was done to it.
fn snapshot(name: &str, audit: AuditSummary, open: Option<&str>) {
    let mut results = SnapshotResults::new();
    for (theme, suffix) in THEMES {
        let (commands, _queue) = queue();
        let (mut state, persisted, mut card) = (AppState::default(), Persisted::default(), AuditCard::default());
        [data(), model(), Event::Audited(Box::new(audit.clone()))]
            .into_iter()
            .for_each(|event| state.note_event(event));
        let context = audit.context;
        let mut harness = Harness::builder().with_size([760.0, 900.0]).with_theme(theme).build_ui(|ui| {
            egui_extras::install_image_loaders(ui.ctx());
            theme::apply(ui.ctx());
            ui.set_style(theme::style(theme));
            let cx = PageContext {
                state: &state,
                persisted: &persisted,
                commands: &commands,
                context,
                split: Default::default(),
                is_dropping: false,
            };
            card.card(ui, &cx, state.data.as_ref().expect("data"));
        });
        harness.run_ok();
        if let Some(label) = open {
            harness.get_by_label(label).click();
            harness.run_ok();
        }
        harness.fit_contents();
        results.add(harness.try_snapshot(format!("{name}_{suffix}")));
    }
}

#[test]
fn the_card_with_faults_as_a_picture() {
    snapshot("audit", audit(256), Some("Cut: 41 rows"));
}

#[test]
fn the_card_without_faults_as_a_picture() {
    snapshot("audit_clean", AuditSummary { faults: Vec::new(), ..audit(424) }, None);
}
