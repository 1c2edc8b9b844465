//! Rows in: files are read, their shape is detected or mapped by hand, and every row becomes an [`Example`] or a
//! [`Dropped`] with file, line and reason. Start at [`import`]; [`split`] then holds some examples out.
//!
//! An import goes through these files: `read/` gives rows with their lines; `shape.rs` knows the names that columns go
//! by; `plan.rs` decides once a file which column plays which part; `convert.rs` turns a row into messages by that plan,
//! with the help of `chat.rs` for lists of turns and `choices.rs` for questions with choices. `folder.rs` says which files
//! a folder gives, `layout.rs` what its owner wrote down about them, and `sure.rs` how sure a guess is. `store/` keeps what
//! comes of it, and `edits/` changes it by hand. `lines.rs` writes what an import reads back.

pub mod audit;
mod chat;
mod choices;
mod convert;
mod edits;
mod error;
mod example;
mod folder;
mod import;
mod layout;
mod lines;
mod map;
mod plan;
mod read;
mod shape;
mod split;
mod store;
mod sure;

pub use edits::{Edit, EditError, EditLog, LeftOut};
pub use error::DataError;
pub use example::{Dropped, Example, Message, Role, Source};
pub use folder::{files_in, holds_data};
pub use import::{FileImport, Import, found_columns, import, import_showing, import_with_texts, stamp};
pub use lines::to_lines;
pub use map::ColumnMap;
pub use read::{EXTENSIONS, KINDS_IN_WORDS, is_data_file};
pub use shape::Shape;
pub use split::{HELD_OUT_SHARE, Split, held_out_count, split};
pub use store::{DroppedRows, Examples, ExamplesBuilder, ExamplesMark};
pub use sure::Sure;
