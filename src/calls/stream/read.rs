//! Reading a chunk that is JSON.

use serde_json::Value;

use super::Answer;
use crate::semconv::Attr;

/// The text of a member; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn index(value: &Value, key: &str) -> usize {
    value.get(key).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok()).unwrap_or(0)
}

pub(super) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A member that is there and not null.
pub(super) fn member<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|member| !member.is_null())
}

/// Takes the counts of a table of paths; a path is one or two keys.
pub(super) fn tokens(usage: &Value, table: &[(&[&str], Attr)], answer: &mut Answer) {
    for (path, attr) in table {
        let found = path.iter().try_fold(usage, |value, key| value.get(key));
        if let Some(count) = found.and_then(Value::as_u64) {
            answer.tokens(*attr, count);
        }
    }
}

/// Takes the `error` object that all providers send in some form.
pub(super) fn error(error: &Value, answer: &mut Answer) {
    let code = ["type", "code", "status"].into_iter().map(|key| text(error, key));
    let code = code.into_iter().find(|code| !code.is_empty()).unwrap_or("_OTHER");
    let message = error.as_str().unwrap_or_else(|| text(error, "message"));
    answer.fail(code, message);
}
