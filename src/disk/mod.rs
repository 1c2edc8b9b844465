//! Writes that are whole or absent. A file or folder is built under a temporary name beside its place, flushed to the
//! device and only then renamed, so that a crash, a full disk or a killed process leaves the old state and never half
//! a new one. Logs, which grow line by line, are the one exception: [`LineLog`] cuts a half-written last line when it
//! opens. Start at [`write_atomic`] and [`write_folder_atomic`].

mod atomic;
mod error;
mod line_log;
mod recycle;

pub use atomic::{
    check_new_folder, clear_leftovers, remove_folder, replace_folder_atomic, sync_file, write_atomic,
    write_atomic_with, write_folder_atomic,
};
pub use error::DiskError;
pub use line_log::LineLog;
pub use recycle::{RecycleError, to_recycle_bin};
