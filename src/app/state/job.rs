//! A job as the window shows it.

/// A job that is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStatus {
    /// 0 to 1 where the end is known.
    pub share: Option<f32>,
    /// What is being done now, in a few words.
    pub note: String,
    /// Whether the user asked it to stop.
    pub is_cancelling: bool,
}
