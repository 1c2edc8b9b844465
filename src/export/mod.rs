//! Every form in which an adapter leaves the app. Each is built under a temporary name, re-read and compared with what
//! was to be saved, and only then given its name: what stands at the target was verified. Start at
//! [`export_hydralora`].

mod hydralora;

pub use hydralora::{ExportError, ExportReport, ExportSource, export_hydralora, verify};
