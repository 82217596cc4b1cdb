//! Did you mean …?

/// The candidate that `word` is most likely a misspelling of.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let lower = word.to_ascii_lowercase().replace('-', "_");
    let length = lower.chars().count();
    let allowed = if length <= 4 { 1 } else { 2 };
    candidates
        .into_iter()
        // All of them are ASCII. Most go here, before anything is counted.
        .filter(|candidate| candidate.len().abs_diff(length) <= allowed)
        .map(|candidate| (distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Keys that other tools have and what they are called here.
pub(crate) fn foreign(word: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, ours)| *ours)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..width {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

const MAX_WORD: usize = 64;

const FOREIGN: &[(&str, &str)] = &[
    ("api_key", "headers"),
    ("attributes", "resource_attributes"),
    ("auth", "headers"),
    ("authorization", "headers.authorization"),
    ("batch", "traces.batch"),
    ("batch_size", "traces.batch.max_export_batch_size"),
    ("capture_content", "content_capture"),
    ("capture_message_content", "content_capture"),
    ("destinations", "exporters"),
    ("disabled", "enabled"),
    ("host", "endpoint"),
    ("max_queue_size", "traces.batch.max_queue_size"),
    ("name", "service_name"),
    ("otlp_endpoint", "endpoint"),
    ("ratio", "sampler_arg"),
    ("sample_rate", "sampler_arg"),
    ("sampling", "sampler"),
    ("sampling_ratio", "sampler_arg"),
    ("service", "service_name"),
    ("timeout_ms", "timeout"),
    ("token", "bearer_token"),
    ("ttl", "span_ttl"),
    ("url", "endpoint"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let near = |word| nearest(word, ["endpoint", "enabled", "sampler", "keep"]);
        for (word, expected) in [
            ("endpont", Some("endpoint")),
            ("Endpoint", Some("endpoint")),
            ("endpiont", Some("endpoint")),
            ("samplr", Some("sampler")),
            ("kt", None),
            ("receiver", None),
        ] {
            assert_eq!(near(word), expected, "{word}");
        }
    }
}
