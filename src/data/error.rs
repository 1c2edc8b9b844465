//! Why a whole file, or the whole import, was refused. A single bad row is no error: it is dropped and listed.

use crate::figures::count;
use std::io;
use std::path::PathBuf;

use super::read::KINDS_IN_WORDS;
use crate::job::Cancelled;

/// Why an import gave nothing. The path stands last in every message.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("No file to read: name at least one file ({KINDS_IN_WORDS}), or a folder with such files")]
    NoPaths,
    #[error("The folder holds no file that is read ({KINDS_IN_WORDS}): {}", path.display())]
    EmptyFolder { path: PathBuf },
    #[error(
        "This dataset_info.json names no file that lies beside it; list the files themselves, or put them into its folder: {}",
        path.display()
    )]
    NoLayout { path: PathBuf },
    #[error("The file cannot be read ({source}); check that it exists and that you may open it: {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("Files of kind {kind} are not read; {advice}: {}", path.display())]
    UnsupportedKind { path: PathBuf, kind: String, advice: &'static str },
    #[error("This is a folder inside a folder, not a file; name it by itself: {}", path.display())]
    FolderInside { path: PathBuf },
    #[error("{reason}: {}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("The file is not what its name says, but {what}; {mend}: {}", path.display())]
    Disguised { path: PathBuf, what: &'static str, mend: &'static str },
    #[error("The file was changed while it was read; import it again when nothing writes to it: {}", path.display())]
    Changed { path: PathBuf },
    #[error("There is no room to unpack the file in the system's temporary folder ({source}); unpack it yourself: {}", path.display())]
    NoRoom { path: PathBuf, source: io::Error },
    #[error("The file is not UTF-8 text but {found}; save it again as UTF-8 (in a spreadsheet: \"CSV UTF-8\"): {}", path.display())]
    NotUtf8 { path: PathBuf, found: &'static str },
    #[error("The file holds no rows: {}", path.display())]
    Empty { path: PathBuf },
    #[error(
        "The row that starts on line {line} never ends: a quotation mark or bracket is missing there, or the file was cut \
         short: {}", path.display()
    )]
    Unfinished { path: PathBuf, line: usize },
    #[error("The first row must name the columns, but on line {line} {reason}: {}", path.display())]
    Header { path: PathBuf, line: usize, reason: String },
    #[error("Two columns are called \"{column}\"; give each its own name in the first line: {}", path.display())]
    RepeatedColumn { path: PathBuf, column: String },
    #[error(
        "The columns {found} fit no shape that is read. These are: alpaca (instruction, input, output), messages (messages \
         with role and content), sharegpt (conversations with from and value), prompt/completion, question/answer, \
         instruction/answer, dolly (instruction, context, response), multiple choice (question, choices, answer) and \
         running text (a column called text and no other). Rename the columns, or say which column holds the \
         question and which the answer (in the window: Columns; on the command line: --map prompt=COLUMN --map \
         response=COLUMN): {}", path.display()
    )]
    UnknownColumns { path: PathBuf, found: String },
    #[error(
        "These are preference rows ({kind}), which teach by comparing or judging answers; that training is not \
         supported. To learn the good answers alone, {mend}: {}", path.display()
    )]
    Preference { path: PathBuf, kind: &'static str, mend: &'static str },
    #[error("There is no column \"{column}\" to take the {part} from; the columns are {found}: {}", path.display())]
    NoSuchColumn { path: PathBuf, column: String, part: &'static str, found: String },
    #[error("The column \"{column}\" is mapped to both {first} and {second}; give each part its own column")]
    MappedTwice { column: String, first: &'static str, second: &'static str },
    #[error("It is not clear which column holds the {part}; map it too. The columns are {found}: {}", path.display())]
    PartMissing { path: PathBuf, part: &'static str, found: String },
    #[error(
        "The rows hold whole conversations, which a context column does not fit; map prompt and response too, or leave the \
         context out: {}", path.display()
    )]
    ContextOfConversation { path: PathBuf },
    #[error("None of the {} rows can be used. The first, on line {line}: {reason}. File: {}", count(*rows), path.display())]
    NoUsableRow { path: PathBuf, rows: usize, line: usize, reason: String },
    #[error(
        "The rows cannot be kept in a temporary file ({source}): make room on the disk, or set TMPDIR to a folder that has \
         room, and import again"
    )]
    Kept { source: io::Error },
    #[error("There is no example {} of {count}: the data has changed meanwhile", index + 1)]
    NoSuchExample { index: usize, count: usize },
    #[error("More than four thousand million rows are not taken: import fewer files at a time")]
    TooMany,
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl DataError {
    /// Whether naming the columns by hand may mend it.
    pub fn is_about_columns(&self) -> bool {
        matches!(
            self,
            Self::UnknownColumns { .. }
                | Self::Preference { .. }
                | Self::NoSuchColumn { .. }
                | Self::MappedTwice { .. }
                | Self::PartMissing { .. }
                | Self::ContextOfConversation { .. }
                | Self::NoUsableRow { .. }
        )
    }
}
