//! What is a secret, and how it is hidden: the one answer, for error texts, what servers answer,
//! addresses, the status and log lines.
//!
//! Secrets are known by their shape ([`shapes`]) or because the configuration has them
//! ([`Redactor`]). Text is redacted before it is cut: half a secret has no shape any more.

use std::borrow::Cow;
use std::ops::Range;

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[redacted]";

/// The secrets of a configuration: values of headers, passwords, keys in addresses.
#[cfg(feature = "init")]
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<String>);

#[cfg(feature = "init")]
impl Redactor {
    /// One that knows these secrets, and each word of them (`Bearer …`).
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let words =
            |secret: &'s str| secret.split_ascii_whitespace().filter(|word| !is_scheme(word));
        let mut known: Vec<String> = secrets
            .into_iter()
            .flat_map(|secret| std::iter::once(secret.trim()).chain(words(secret)))
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned)
            .collect();
        // A secret may be a part of another one.
        known.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
        Self(known)
    }

    /// Text without secrets, whether they are known or only look like one.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(without(&text, secret));
            }
        }
        shapes(&text).into_owned()
    }
}

#[cfg(feature = "init")]
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// A short secret counts as a whole word only: `key` is not hidden in `monkey`.
#[cfg(feature = "init")]
fn without(text: &str, secret: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        let inside = is_word(text[..at].chars().next_back()) || is_word(text[end..].chars().next());
        if secret.len() >= SHORT_SECRET || !inside {
            out.push_str(&text[copied..at]);
            out.push_str(REDACTED);
            copied = end;
        }
    }
    out + &text[copied..]
}

/// Secrets of fewer bytes may be a part of an innocent word.
#[cfg(feature = "init")]
const SHORT_SECRET: usize = 8;

/// Redacts and then does what shortens the text.
pub(super) fn and_then(
    text: &str,
    shorten: impl for<'a> FnOnce(&'a str) -> Cow<'a, str>,
) -> Cow<'_, str> {
    match shapes(text) {
        Cow::Borrowed(text) => shorten(text),
        Cow::Owned(redacted) => Cow::Owned(shorten(&redacted).into_owned()),
    }
}

/// Text without what looks like a secret:
///
/// * the query and the user information of URLs,
/// * the value of `api_key=…`, `token: …`, `"password": "…"` and the like ([`NAMES`]),
/// * what follows `Bearer` and `Basic`,
/// * words that begin as keys of known makers do ([`BEGINNINGS`]), and signed tokens.
pub(crate) fn shapes(text: &str) -> Cow<'_, str> {
    let mut shown = once(text);
    // What is hidden may have stood in the way of something else.
    for _ in 0..MOST_PASSES {
        match &shown {
            Cow::Borrowed(_) => break,
            Cow::Owned(hidden) => match once(hidden) {
                Cow::Borrowed(_) => break,
                Cow::Owned(more) => shown = Cow::Owned(more),
            },
        }
    }
    shown
}

const MOST_PASSES: usize = 4;

fn once(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut at, mut copied) = (0, 0);
    while let Some(secret) = next_secret(text, at) {
        out.push_str(&text[copied..secret.start]);
        out.push_str(REDACTED);
        copied = secret.end;
        at = secret.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The next secret that begins at `from` or behind it. Never empty, never redacted already.
fn next_secret(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let found = match bytes[at] {
            b':' if bytes[at..].starts_with(b"://") => user_information(text, at + 3),
            b'?' => query(text, at + 1),
            b if b.is_ascii_alphanumeric() && starts_word(bytes, at) => {
                match key_of_a_maker(text, at).or_else(|| value_of_a_name(text, at)) {
                    Some(found) => Some(found),
                    None => {
                        // No other word begins inside of this one.
                        let rest = bytes[at..].iter();
                        at += rest.take_while(|b| b.is_ascii_alphanumeric()).count() - 1;
                        None
                    }
                }
            }
            _ => None,
        };
        let is_new = |found: &Range<usize>| {
            let value = &text[found.start..];
            !found.is_empty() && !value.starts_with(REDACTED) && !value.starts_with('…')
        };
        if let Some(found) = found.filter(is_new) {
            return Some(found);
        }
        at += 1;
    }
    None
}

fn starts_word(bytes: &[u8], at: usize) -> bool {
    at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
}

/// What stands before `@` in the authority that begins at `at`.
fn user_information(text: &str, at: usize) -> Option<Range<usize>> {
    let url = &text[at..url_end(text, at)];
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    Some(at..at + authority.rfind('@')?)
}

/// The query that begins at `at`: of a URL, or one that says so by its form (`/v1?key=…`).
fn query(text: &str, at: usize) -> Option<Range<usize>> {
    let end = url_end(text, at);
    let near = text.floor_char_boundary(at.saturating_sub(LONGEST_URL));
    let scheme = text[near..at].rfind("://").map(|scheme| near + scheme + 3);
    let in_url = scheme.is_some_and(|scheme| url_end(text, scheme) >= at);
    let name = text[at..end].find('=').filter(|end| {
        *end > 0
            && text[at..at + end]
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-[]%".contains(&b))
    });
    (in_url || name.is_some()).then_some(at..end)
}

/// How far behind its beginning a URL is still known for one.
const LONGEST_URL: usize = 2048;

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | '“' | '”' | '…')
}

/// Where a URL ends that `at` is in: at white space or a quote, or at a bracket that closes what
/// the URL stands in.
fn url_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    for (offset, c) in rest.char_indices() {
        let closes = matches!(c, ')' | ']' | '}' | ',' | ';') && {
            let after = rest[offset + 1..].trim_start_matches([')', ']', '}', '.', ',', ':', ';']);
            after.is_empty() || after.starts_with(char::is_whitespace)
        };
        if c.is_whitespace() || is_quote(c) && c != '(' || c == '\\' || closes {
            // A full stop behind it ends the sentence.
            return at + rest[..offset].trim_end_matches('.').len();
        }
    }
    at + rest.trim_end_matches('.').len()
}

/// A word that begins as the keys of a maker do.
fn key_of_a_maker(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let shape = BEGINNINGS.iter().find(|(beginning, _)| rest.starts_with(beginning))?;
    let word = at..at + word_length(rest);
    (text[word.clone()].len() - shape.0.len() >= shape.1).then_some(word)
}

/// How keys of makers begin, and how many bytes they have at least behind that.
const BEGINNINGS: &[(&str, usize)] = &[
    ("sk-", 1),    // OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse
    ("pk-lf-", 8), // Langfuse
    ("sk_", 16),   // Stripe, ElevenLabs
    ("AIza", 16),  // Google
    ("ya29.", 8),  // Google
    ("ghp_", 8),   // GitHub
    ("gho_", 8),
    ("ghs_", 8),
    ("ghu_", 8),
    ("github_pat_", 8),
    ("glpat-", 8), // GitLab
    ("xox", 8),    // Slack
    ("xai-", 8),   // xAI
    ("gsk_", 8),   // Groq
    ("hf_", 8),    // Hugging Face
    ("r8_", 8),    // Replicate
    ("pplx-", 8),  // Perplexity
    ("nvapi-", 8), // NVIDIA
    ("lsv2_", 8),  // LangSmith
    ("AKIA", 16),  // Amazon
    ("ASIA", 16),
    ("eyJ", 16), // signed tokens: `{"` in base64
];

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| {
        c.is_whitespace()
            || is_quote(c)
            || matches!(c, ',' | ';' | '&' | ')' | '[' | ']' | '{' | '}' | '\\')
    })
    .unwrap_or(rest.len())
}

/// The value behind a name of [`NAMES`] and `:` or `=`, or behind a scheme of authorization.
fn value_of_a_name(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let name = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let word = &rest[..name];
    let mut value = at + name;
    if is_scheme(word) && !is_name(word) && text[value..].starts_with([' ', '\t', ':']) {
        let rest = text[value..].trim_start_matches([':', ' ', '\t']);
        let start = text.len() - rest.len();
        // `basic` is a word of the language too.
        let found = start..start + word_length(rest);
        let is_value = word.eq_ignore_ascii_case("bearer") || looks_random(&text[found.clone()]);
        return is_value.then_some(found);
    }
    if !is_name(word) {
        return None;
    }
    let sign = text[value..].trim_start_matches(['\\', '"', '\'', '`', ' ', '\t']);
    if !sign.starts_with([':', '=']) || sign.starts_with("::") || sign.starts_with("://") {
        return None;
    }
    value = text.len() - sign.len() + 1;
    value += text[value..].len() - text[value..].trim_start_matches([' ', '\t', '\\']).len();
    let quote = text[value..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some(quote) = quote {
        value += 1;
        let end = text[value..].find(quote).map_or(text.len(), |end| value + end);
        return Some(value..value + text[value..end].trim_end_matches('\\').len());
    }
    let line = text[value..].find(['\n', '\r']).map_or(text.len(), |end| value + end);
    if word.eq_ignore_ascii_case("cookie") {
        return Some(value..line);
    }
    let mut end = value + word_length(&text[value..]);
    if is_scheme(&text[value..end]) && text[end..line].starts_with(' ') {
        end += 1 + word_length(&text[end + 1..]);
    }
    Some(value..end)
}

fn is_scheme(word: &str) -> bool {
    ["basic", "bearer", "apikey", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// No word of a language: `dXNlcjpwYXNz`.
fn looks_random(word: &str) -> bool {
    word.len() >= 12
        && word.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'=')
        && word.bytes().any(|b| b.is_ascii_lowercase())
}

/// Whether a word ends as names of secrets do: `x-api-key` (whose last word this is), `apiKey`.
fn is_name(word: &str) -> bool {
    NAMES.iter().any(|name| {
        let Some(start) = word.len().checked_sub(name.len()) else { return false };
        word.is_char_boundary(start)
            && word[start..].eq_ignore_ascii_case(name)
            && (start == 0
                || word.as_bytes()[start].is_ascii_uppercase()
                || word[..start].eq_ignore_ascii_case("api"))
    })
}

/// What the last word of a secret's name is.
const NAMES: &[&str] = &[
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "key",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "sig",
    "signature",
    "token",
];

/// An address without the places where people put keys.
#[cfg(feature = "init")]
pub(crate) fn url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let start = url[..end].find("://").map_or(0, |at| at + 3);
    let authority = url[start..end].find('/').map_or(end, |at| start + at);
    let host = url[start..authority].rfind('@').map_or(start, |at| start + at + 1);
    let shown = format!("{}{}", &url[..start], &url[host..end]);
    if end < url.len() { shown + "?" + REDACTED } else { shown }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shapes_of_secrets_are_hidden_and_the_rest_stays() {
        for (text, expected) in [
            ("429 rate limit reached for gpt-4o", "429 rate limit reached for gpt-4o"),
            (
                "error sending request for url (https://g.com/v1/m:gen?key=AIzaSECRET&alt=sse)",
                "error sending request for url (https://g.com/v1/m:gen?[redacted])",
            ),
            ("GET https://u:SECRET@h:1/p, failed", "GET https://[redacted]@h:1/p, failed"),
            ("see https://h/p?a=SECRET. Then", "see https://h/p?[redacted]. Then"),
            ("Cannot POST /v1/traces?api_key=SECRET", "Cannot POST /v1/traces?[redacted]"),
            ("is it so? yes", "is it so? yes"),
            ("Incorrect API key provided: sk-SECRET.", "Incorrect API key provided: [redacted]"),
            ("x-api-key: SECRET, next", "x-api-key: [redacted], next"),
            ("apiKey=SECRET&x=1", "apiKey=[redacted]&x=1"),
            (r#"{"api_key": "SECRET SECRET", "n": 1}"#, r#"{"api_key": "[redacted]", "n": 1}"#),
            (r#"{\"token\":\"SECRET\"}"#, r#"{\"token\":\"[redacted]\"}"#),
            ("authorization: Bearer SECRET end", "authorization: [redacted] end"),
            ("sent Bearer SECRET end", "sent Bearer [redacted] end"),
            ("Basic dXNlcjpTRUNSRVQ= end", "Basic [redacted] end"),
            ("basic authentication failed", "basic authentication failed"),
            ("max_tokens: 100, monkey: 1", "max_tokens: 100, monkey: 1"),
            ("std::key::Error", "std::key::Error"),
            ("cookie: a=SECRET; b=SECRET", "cookie: [redacted]"),
            ("AKIASECRETSECRETSECR is no id", "[redacted] is no id"),
            ("ghp_SECRETSECRETSECRET", "[redacted]"),
            ("eyJSECRETSECRETSECRET.eyJz.c2ln", "[redacted]"),
            ("task-force asks", "task-force asks"),
        ] {
            let hidden = shapes(text);
            assert_eq!(hidden, expected, "{text}");
            assert!(!hidden.contains("SECRET"), "{hidden}");
            assert_eq!(shapes(&hidden), hidden, "{text}");
        }
    }

    #[test]
    #[cfg(feature = "init")]
    fn secrets_of_the_configuration_are_hidden_wherever_they_stand() {
        let known = Redactor::new(["Bearer live-0123456789", "live-0123456789abc", "tiny"]);
        assert_eq!(known.redact("no live-0123456789abc here"), "no [redacted] here");
        assert_eq!(known.redact("(live-0123456789)"), "([redacted])");
        assert_eq!(known.redact("tiny, destiny"), "[redacted], destiny");
        assert_eq!(known.redact("bearer of news"), "bearer [redacted] news");
        assert!(!format!("{known:?}").contains("tiny"));
    }

    #[test]
    #[cfg(feature = "init")]
    fn a_shown_url_has_no_place_for_secrets() {
        for (given, shown) in [
            ("http://h:4318/v1/traces", "http://h:4318/v1/traces"),
            ("https://u:p@h/v1?key=1#f", "https://h/v1?[redacted]"),
            ("https://u:p@w@h", "https://h"),
            ("h:4317", "h:4317"),
            ("https://h/v1/a@b", "https://h/v1/a@b"),
        ] {
            assert_eq!(url(given), shown);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn redacting_twice_changes_nothing(text in prop_oneof![
            any::<String>(),
            "([a-z]{1,5}|key|token|Bearer|sk-|https://|[?=:@&\"' .,()\\\\]){0,30}",
        ]) {
            let once = shapes(&text).into_owned();
            prop_assert_eq!(shapes(&once).into_owned(), once);
        }

        #[test]
        fn a_secret_is_gone_wherever_it_stands(
            before in "[a-z ,(]{0,20}",
            after in "[ ,).][a-z ,)]{0,20}",
            shape in prop::sample::select(vec![
                "sk-", "Bearer ", "api_key=", "x-api-key: ", "https://h/p?key=", "https://u:", "\"token\":\"",
                "password = '", "AIzaAIzaAIza",
            ]),
        ) {
            let end = if shape.ends_with("u:") { "@h" } else { "" };
            let text = format!("{before} {shape}S3CRETS3CRETS3CRET{end}{after}");
            prop_assert!(!shapes(&text).contains("S3CRET"), "{}", shapes(&text));
        }
    }
}
