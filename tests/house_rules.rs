//! The rules of the house, read off the source: which room may use which, what may not stand in code that ships, how
//! long a file may be, and which folders there are. `src/lib.rs` holds the table of rooms that this file goes by.

#[path = "house_rules/source.rs"]
mod source;

use std::path::{Path, PathBuf};

use source::{Source, words};

/// Lines a file may have beside its tests.
const MAX_LINES: usize = 400;

/// Folders that may stand beside `Cargo.toml` in the repository.
const TOP_FOLDERS: [&str; 6] = [".ci", "assets", "benches", "sample_data", "src", "tests"];

/// Calls and macros that end a program in place of an error with cause and mend.
const FORBIDDEN: [&str; 7] =
    [".unwrap()", ".expect(", ".unwrap_err()", "panic!", "todo!", "unimplemented!", "unreachable!"];

/// Rooms in which `unsafe` may stand, for mapped files and vector instructions, with a comment that says why it is
/// sound.
const UNSAFE_ROOMS: [&str; 2] = ["model", "ops"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms from the table in `lib.rs`, the uppermost first.
fn rooms() -> Vec<String> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rooms: Vec<String> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]"))
        .map(|(room, _)| room.to_owned())
        .collect();
    assert!(rooms.len() > 10, "the table of rooms in src/lib.rs could not be read: found {rooms:?}");
    rooms
}

/// Every source file under `src/` that ships, tests left out.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    let sources: Vec<Source> = files.iter().map(|file| Source::read(root(), file)).collect();
    let test_files: Vec<PathBuf> = sources.iter().flat_map(Source::test_files).collect();
    sources.into_iter().filter(|source| !test_files.iter().any(|path| source.path().starts_with(path))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Fails with every finding, one a line, and the rule they break.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|other| other == room);
    let mut findings = Vec::new();
    for source in sources() {
        let Some(own) = source.room().and_then(place) else { continue };
        for (line, used) in source.crate_paths() {
            if place(&used).is_some_and(|used| used > own) {
                findings.push(format!("{}:{line} uses crate::{used}", source.name()));
            }
        }
    }
    report("A room may use the rooms above it in the table of src/lib.rs, never those below:", &findings);
}

#[test]
fn every_module_of_the_crate_is_a_room_in_the_table() {
    let rooms = rooms();
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let findings: Vec<String> = modules
        .filter(|module| !rooms.iter().any(|room| room == module))
        .map(|module| format!("`{module}` is not in it"))
        .collect();
    report("The table of rooms in src/lib.rs tells of every module:", &findings);
}

#[test]
fn the_window_never_names_the_engine_nor_the_engine_the_window() {
    let rooms = rooms();
    let app = rooms.iter().position(|room| room == "app");
    let mut findings = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        let foreign: &[&str] = match rooms.iter().position(|other| other == room) {
            place if place == app => &["candle", "candle_core", "candle_nn", "candle_transformers"],
            Some(_) => &["egui", "eframe", "egui_extras", "egui_plot"],
            None => continue,
        };
        for (line, word) in words(source.code()).filter(|(_, word)| foreign.contains(word)) {
            findings.push(format!("{}:{line} names {word}", source.name()));
        }
    }
    report("Only `app` may name the window's libraries, and `app` may not name the engine's:", &findings);
}

#[test]
fn every_room_opens_with_a_paragraph_for_a_newcomer() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| source.name().ends_with("mod.rs") && !source.text().starts_with("//! "))
        .map(|source| format!("{} does not", source.name()))
        .collect();
    report("A mod.rs opens with `//!` and says what the room does and where to start reading:", &findings);
}

#[test]
fn code_that_ships_answers_with_errors_and_never_ends_the_program() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.code().lines().enumerate() {
            for call in FORBIDDEN.into_iter().filter(|call| contains_call(line, call)) {
                findings.push(format!("{}:{} has `{call}`", source.name(), number + 1));
            }
        }
    }
    report("Outside tests, give back an error that names cause and mend instead:", &findings);
}

/// Whether `line` holds `call` as a word of its own: `panic!` is not in `no_panic!`.
fn contains_call(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        call.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn unsafe_stands_only_where_it_must_and_says_why_it_is_sound() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text().lines().collect();
        for (line, _) in words(source.code()).filter(|(_, word)| *word == "unsafe") {
            let room = source.room().unwrap_or_default();
            if !UNSAFE_ROOMS.contains(&room) {
                findings.push(format!("{}:{line} stands outside {}", source.name(), UNSAFE_ROOMS.join(" and ")));
            }
            let around = &lines[line.saturating_sub(12)..line];
            if !around.iter().any(|text| text.to_lowercase().contains("safety")) {
                findings.push(format!("{}:{line} has no `// SAFETY:` comment above it", source.name()));
            }
        }
    }
    report("`unsafe` needs a reason:", &findings);
}

#[test]
fn a_file_is_short_enough_to_read() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines_without_tests() > MAX_LINES)
        .map(|source| format!("{} has {}", source.name(), source.lines_without_tests()))
        .collect();
    report(&format!("A file has at most {MAX_LINES} lines beside its tests; split it by what it does:"), &findings);
}

#[test]
fn the_repository_has_no_folders_beside_those_of_the_design() {
    let git = std::process::Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    // Where the source came without git, there is nothing to compare.
    let Some(listing) = git.ok().filter(|output| output.status.success()) else { return };
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let mut folders: Vec<&str> =
        listing.split('\0').filter_map(|file| file.split_once('/')).map(|(folder, _)| folder).collect();
    folders.sort_unstable();
    folders.dedup();
    let findings: Vec<String> =
        folders.into_iter().filter(|folder| !TOP_FOLDERS.contains(folder)).map(String::from).collect();
    report(&format!("At the top stand only {}:", TOP_FOLDERS.join(", ")), &findings);
}
