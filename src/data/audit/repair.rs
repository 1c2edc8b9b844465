//! Texts put right.

use super::{Fault, mojibake, personal, signs};
use crate::data::Message;

/// The conversation with a fault mended, where its texts can be; `None` where nothing would change.
pub fn repaired(fault: Fault, messages: &[Message]) -> Option<Vec<Message>> {
    let mend: fn(&str) -> String = match fault {
        Fault::Mojibake => |text| mojibake::reread(text).unwrap_or_else(|| text.to_owned()),
        Fault::ControlCharacters => signs::without_controls,
        Fault::MixedEncodings => signs::with_windows_letters,
        Fault::PersonalData => personal::masked,
        _ => return None,
    };
    let mended: Vec<Message> =
        messages.iter().map(|message| Message { role: message.role, content: mend(&message.content) }).collect();
    let blanked =
        |(before, after): (&Message, &Message)| !before.content.trim().is_empty() && after.content.trim().is_empty();
    // What has no text left is no conversation any more.
    let is_whole = !messages.iter().zip(&mended).any(blanked);
    (is_whole && mended != messages).then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Role;

    fn mended(fault: Fault, content: &str) -> Option<String> {
        let messages = [Message { role: Role::Assistant, content: content.into() }];
        repaired(fault, &messages).map(|messages| messages[0].content.clone())
    }

    #[test]
    fn texts_are_put_right_and_what_cannot_be_is_left_alone() {
        assert_eq!(mended(Fault::Mojibake, "cafÃ©").as_deref(), Some("café"));
        assert_eq!(mended(Fault::ControlCharacters, "a\u{7}b").as_deref(), Some("ab"));
        assert_eq!(mended(Fault::MixedEncodings, "it\u{92}s").as_deref(), Some("it’s"));
        assert_eq!(mended(Fault::PersonalData, "a@engine.uk").as_deref(), Some("[e-mail address]"));
        assert_eq!(mended(Fault::MixedEncodings, "na\u{FFFD}ve"), None);
        assert_eq!(mended(Fault::ControlCharacters, "\u{7}"), None);
        assert_eq!(mended(Fault::RoleOrder, "a\u{7}"), None);
    }
}
