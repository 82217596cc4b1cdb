//! Media in messages: their type, size and hash instead of their bytes.
//!
//! An image in a prompt is megabytes of base64 that no trace needs. [`take_out`] puts
//! `[image/png, 12345 bytes, sha256:…]` in its place, in the JSON of every provider and in plain
//! text, before the messages are brought into shape. The hash is that of the decoded bytes, so that
//! the same image is recognised again.
//!
//! What counts as media: data URIs; what stands where providers put media ([`Place`]); base64 of
//! 1024 characters or more and lists of 256 or more byte numbers anywhere.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::Finder;
use sha2::{Digest as _, Sha256};

use crate::content::json::{Node, Text};

/// A cheap test that never misses what [`take_out`] would replace.
pub(crate) fn may_hold_media(text: &str) -> bool {
    let bytes = text.as_bytes();
    DATA_URI.find(bytes).is_some()
        || holds_run(bytes)
        || looks_like_json(bytes) && NEEDLES.iter().any(|needle| needle.find(bytes).is_some())
}

/// `text` with media replaced by their type, size and hash; borrowed if there are none.
pub(crate) fn take_out(text: &str) -> Cow<'_, str> {
    if !may_hold_media(text) {
        return Cow::Borrowed(text);
    }
    let json = looks_like_json(text.as_bytes()).then(|| Node::parse(text)).flatten();
    match json {
        Some(mut node) => {
            let found = visit(&mut node, &Place::default(), 0);
            if found { Cow::Owned(node.to_json()) } else { Cow::Borrowed(text) }
        }
        None => in_text(text).map_or(Cow::Borrowed(text), Cow::Owned),
    }
}

/// Base64 of unknown meaning is taken out from this length on, in characters.
const MIN_BASE64: usize = 1024;
/// Lists of byte numbers are taken out from this length on.
const MIN_BYTES: usize = 256;
/// The same for a member called `bytes`.
const MIN_NAMED_BYTES: usize = 16;
/// JSON in strings in JSON: levels that are followed.
const MAX_NESTED: usize = 4;
/// Every run that matters covers a whole aligned block of this size.
const BLOCK: usize = 128;

static DATA_URI: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("data:"));

/// What stands in JSON near media that may be short.
static NEEDLES: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
    let words = ["base64", "blob", "inline", "file_data", "b64_json", "bytes", "images", "audio"];
    words.into_iter().map(Finder::new).collect()
});

/// Members that hold media whatever stands beside them.
const MEDIA_MEMBERS: &[&str] = &["b64_json", "file_data", "image_base64", "base64"];

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Characters of base64 in JSON (bit 1) and of a list of numbers (bit 2).
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        // Both alphabets, padding, and what escapes (`\/`, `\n`) and line breaks add.
        if c.is_ascii_alphanumeric()
            || matches!(c, b'+' | b'/' | b'-' | b'_' | b'=' | b'\\' | b'\n' | b'\r')
        {
            classes[byte] |= 1;
        }
        if c.is_ascii_digit() || matches!(c, b',' | b' ' | b'\n' | b'\r' | b'\t') {
            classes[byte] |= 2;
        }
        byte += 1;
    }
    classes
};

fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|c| b"[{\"".contains(c))
}

/// Whether some block consists of nothing but base64 or numbers.
fn holds_run(bytes: &[u8]) -> bool {
    bytes.chunks_exact(BLOCK).any(|block| {
        let mut left = 3;
        for byte in block {
            left &= CLASSES[usize::from(*byte)];
            if left == 0 {
                return false;
            }
        }
        true
    })
}

/// What the objects around a value say about it.
#[derive(Clone, Default)]
struct Place {
    mime: Option<String>,
    family: Option<&'static str>,
    /// Media are expected here: a base64 source, inline data, a blob.
    holds_media: bool,
}

impl Place {
    fn inside(&self, node: &Node<'_>) -> Self {
        let mut place = Self { holds_media: false, ..self.clone() };
        let kind = node.text_of("type").map(Text::decode);
        place.family = kind.as_deref().and_then(family).or(place.family);
        let stated =
            node.first_text(&["mime_type", "mimeType", "media_type", "mediaType", "format"]);
        if let Some(stated) = stated.filter(|stated| stated.raw().len() <= 100) {
            let stated = stated.decode();
            place.mime = Some(match place.family {
                _ if stated.contains('/') => stated.into_owned(),
                Some(family) => format!("{family}/{stated}"),
                None => format!("application/{stated}"),
            });
        }
        place.holds_media = self.holds_media || matches!(kind.as_deref(), Some("base64" | "blob"));
        place
    }

    /// The place of the member `key`.
    fn member(&self, key: &str) -> Self {
        let mut place = self.clone();
        place.family = family(key).or(place.family);
        let inline =
            matches!(key, "inlineData" | "inline_data" | "input_audio" | "audio" | "images");
        place.holds_media = place.holds_media || inline;
        place
    }
}

/// The first half of the mime type that a member's or a block's name tells.
fn family(name: &str) -> Option<&'static str> {
    const FAMILIES: [(&str, &str); 4] =
        [("image", "image"), ("audio", "audio"), ("video", "video"), ("document", "application")];
    FAMILIES.iter().find(|(word, _)| name.contains(word)).map(|(_, family)| *family)
}

/// Replaces media in `node`; says whether there were any.
fn visit(node: &mut Node<'_>, place: &Place, nested: usize) -> bool {
    match node {
        Node::String(text) => match string(text, nested) {
            Some(found) => {
                *node = Node::text(found);
                true
            }
            None => false,
        },
        Node::Array(items) => {
            if let Some(bytes) = byte_list(items, MIN_BYTES) {
                *node = Node::text(describe(&bytes, place));
                return true;
            }
            let mut found = false;
            for item in items {
                // Ollama: `"images": ["…base64…"]`
                let is_media = place.holds_media && item.as_text().is_some();
                found |= if is_media { media(item, place) } else { visit(item, place, nested) };
            }
            found
        }
        Node::Object(_) => {
            let place = place.inside(node);
            let Node::Object(members) = node else { return false };
            let mut found = false;
            for (key, value) in members {
                let key = key.decode();
                let inside = place.member(&key);
                let data = matches!(key.as_ref(), "data" | "value" | "content" | "bytes");
                let is_media = MEDIA_MEMBERS.contains(&key.as_ref()) || place.holds_media && data;
                found |= match value {
                    Node::String(_) if is_media => media(value, &inside),
                    Node::String(text) if key == "bytes" && is_base64(&text.decode(), 16) => {
                        media(value, &inside)
                    }
                    Node::Array(items) if key == "bytes" => {
                        match byte_list(items, MIN_NAMED_BYTES) {
                            Some(bytes) => {
                                *value = Node::text(describe(&bytes, &inside));
                                true
                            }
                            None => visit(value, &inside, nested),
                        }
                    }
                    // What holds media holds them in members, not in further objects' text.
                    value => visit(value, &inside, nested),
                };
            }
            found
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => false,
    }
}

/// Replaces a string that stands where media stand, decodable or not.
fn media(node: &mut Node<'_>, place: &Place) -> bool {
    let Node::String(text) = &*node else { return false };
    let content = text.decode();
    if content.is_empty() || is_description(&content) {
        return false;
    }
    // References, not bytes.
    if ["http://", "https://", "gs://", "s3://", "file://"].iter().any(|s| content.starts_with(s)) {
        return false;
    }
    let described = match in_data_uri(&content) {
        Some(described) => described,
        None => match decode(&content) {
            Some(bytes) => describe(&bytes, place),
            None => describe(content.as_bytes(), place),
        },
    };
    *node = Node::text(described);
    true
}

/// Media in a string of which nothing is known, and in JSON that it holds.
fn string(text: &Text<'_>, nested: usize) -> Option<String> {
    let content = text.decode();
    if !may_hold_media(&content) {
        return None;
    }
    if nested < MAX_NESTED
        && looks_like_json(content.as_bytes())
        && let Some(mut inner) = Node::parse(&content)
    {
        return visit(&mut inner, &Place::default(), nested + 1).then(|| inner.to_json());
    }
    in_text(&content)
}

/// Data URIs, long base64 and lists of byte numbers in plain text.
fn in_text(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if let Some((described, length)) = media_at(text, at) {
            out.push_str(&text[done..at]);
            out.push_str(&described);
            at += length;
            done = at;
            continue;
        }
        // On to where the next one may begin: behind the word that was just looked at.
        at += match CLASSES[usize::from(bytes[at])] & 1 {
            1 => skip_word(bytes, at),
            _ => 1,
        };
    }
    (done > 0).then(|| {
        out.push_str(&text[done..]);
        out
    })
}

/// The length of the run of base64 characters at `at`, up to a `data:` in it.
fn skip_word(bytes: &[u8], at: usize) -> usize {
    let run = base64_run(&bytes[at..]);
    // `xdata:…`: the scheme may end the run.
    if run > 4
        && bytes[at..at + run].to_ascii_lowercase().ends_with(b"data")
        && bytes.get(at + run) == Some(&b':')
    {
        return run - 4;
    }
    run.max(1)
}

fn base64_run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| CLASSES[usize::from(**byte)] & 1 != 0).count()
}

/// The media that begin at `at`, described, and their length in the text.
fn media_at(text: &str, at: usize) -> Option<(String, usize)> {
    if !text.is_char_boundary(at) {
        return None;
    }
    let rest = &text[at..];
    if let Some(found) = data_uri(rest) {
        return Some(found);
    }
    let first = rest.bytes().next()?;
    if first == b'[' {
        return number_list(rest);
    }
    if CLASSES[usize::from(first)] & 1 == 0 {
        return None;
    }
    let run = base64_run(rest.as_bytes());
    let word = &rest[..run];
    // Escapes of `Debug` text at the end belong to the text, not to the media.
    let word = word.trim_end_matches('\\');
    (run >= MIN_BASE64 && is_base64(word, MIN_BASE64))
        .then(|| decode(word))
        .flatten()
        .map(|bytes| (describe(&bytes, &Place::default()), word.len()))
}

/// A data URI at the beginning of `text`.
fn data_uri(text: &str) -> Option<(String, usize)> {
    let scheme = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:"))?;
    let after = &text[scheme.len()..];
    let comma = after.bytes().take(256).position(|byte| byte == b',')?;
    let head = &after[..comma];
    let mut fields = head.split(';');
    let mime = fields.next()?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "/.+-_*".contains(c);
    let is_mime = mime.contains('/') && mime.chars().all(is_token);
    let in_base64 = fields.any(|field| field.trim().eq_ignore_ascii_case("base64"));
    let is_media = is_mime || mime.is_empty() && in_base64;
    if !is_media {
        return None;
    }
    let payload = &after[comma + 1..];
    let end = if in_base64 {
        base64_run(payload.as_bytes())
    } else {
        payload
            .find(|c: char| c.is_whitespace() || "\"'`<>()\\".contains(c))
            .unwrap_or(payload.len())
    };
    let payload = &payload[..end];
    let payload = payload.trim_end_matches(['\\', '\n', '\r']);
    let place = Place { mime: (!mime.is_empty()).then(|| mime.to_owned()), ..Place::default() };
    let bytes = match in_base64.then(|| decode(payload)).flatten() {
        Some(bytes) => Cow::Owned(bytes),
        None => percent_decoded(payload),
    };
    Some((describe(&bytes, &place), scheme.len() + comma + 1 + payload.len()))
}

/// The description of a string that is one data URI and nothing else.
fn in_data_uri(content: &str) -> Option<String> {
    let (described, length) = data_uri(content)?;
    (length == content.len()).then_some(described)
}

fn percent_decoded(payload: &str) -> Cow<'_, [u8]> {
    if !payload.contains('%') {
        return Cow::Borrowed(payload.as_bytes());
    }
    let mut out = Vec::with_capacity(payload.len());
    let mut rest = payload.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = |at: usize| more.get(at).and_then(|c| char::from(*c).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &more[2..];
            }
            _ => {
                out.push(*first);
                rest = more;
            }
        }
    }
    Cow::Owned(out)
}

/// A list of byte numbers at the beginning of `text`, which begins with a bracket.
fn number_list(text: &str) -> Option<(String, usize)> {
    let numbers =
        text.bytes().skip(1).take_while(|byte| CLASSES[usize::from(*byte)] & 2 != 0).count();
    if numbers < 2 * MIN_BYTES - 1 || text.as_bytes().get(1 + numbers) != Some(&b']') {
        return None;
    }
    let items = text[1..=numbers].split(',').map(|item| item.trim().parse::<u8>().ok());
    let bytes: Option<Vec<u8>> = items.collect();
    let bytes = bytes.filter(|bytes| bytes.len() >= MIN_BYTES)?;
    Some((describe(&bytes, &Place::default()), numbers + 2))
}

fn byte_list(items: &[Node<'_>], least: usize) -> Option<Vec<u8>> {
    if items.len() < least {
        return None;
    }
    let byte = |item: &Node<'_>| match item {
        Node::Number(digits) => digits.parse().ok(),
        _ => None,
    };
    items.iter().map(byte).collect()
}

/// Whether `text` truly looks like base64: long enough, decodable, and no mere long word.
fn is_base64(text: &str, least: usize) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    text.len() >= least
        && (least < MIN_BASE64
            || has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase)
                && has(u8::is_ascii_digit))
        && decode(text).is_some()
}

/// Decodes base64 of either alphabet, padded or not, with line breaks or `\/` and `\n` escapes.
fn decode(text: &str) -> Option<Vec<u8>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if text.bytes().all(plain) {
        return ENGINE.decode(text).ok();
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.peek() {
                Some(b'/' | b'\\') => {}
                _ => drop(bytes.next_if(|next| matches!(next, b'n' | b'r'))?),
            },
            b'\n' | b'\r' => {}
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            byte if plain(byte) => clean.push(byte),
            _ => return None,
        }
    }
    ENGINE.decode(&clean).ok()
}

fn describe(bytes: &[u8], place: &Place) -> String {
    let family = place.family.filter(|family| *family != "application");
    let mime = place
        .mime
        .as_deref()
        .filter(|mime| mime.bytes().all(|c| c.is_ascii_alphanumeric() || b"/.+-_*".contains(&c)))
        .or_else(|| sniffed(bytes))
        .map_or_else(
            || family.map_or("application/octet-stream".into(), |family| format!("{family}/*")),
            str::to_owned,
        );
    let mut out = format!("[{mime}, {} bytes, sha256:", bytes.len());
    for byte in Sha256::digest(bytes) {
        for digit in [byte >> 4, byte & 0xf] {
            out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    out.push(']');
    out
}

fn is_description(text: &str) -> bool {
    text.len() < 300
        && text.starts_with('[')
        && text.contains(" bytes, sha256:")
        && text.ends_with(']')
}

/// The type that the first bytes of media tell.
fn sniffed(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"ID3", "audio/mpeg"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
    ];
    if bytes.starts_with(b"RIFF") {
        return match bytes.get(8..12)? {
            b"WAVE" => Some("audio/wav"),
            b"WEBP" => Some("image/webp"),
            _ => None,
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("video/mp4");
    }
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, mime)| *mime)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    /// 72 bytes with the magic of a PNG.
    fn png() -> (String, String) {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.extend((0..64).map(|i: u8| i.wrapping_mul(37)));
        (ENGINE.encode(&bytes), describe(&bytes, &Place::default()))
    }

    #[test]
    fn media_of_every_provider_is_taken_out() {
        let (data, described) = png();
        assert!(described.starts_with("[image/png, 72 bytes, sha256:"));
        let escaped = data.replace('/', "\\/");
        let bytes = ENGINE.decode(&data).unwrap();
        let cases = [
            r#"[{"role":"user","parts":[{"type":"blob","mime_type":"image/png","modality":"image","content":"DATA"}]}]"#,
            r#"[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,DATA"}}]}]"#,
            r#"[{"content":[{"type":"input_image","image_url":"data:image/png;base64,DATA"}]}]"#,
            r#"[{"content":[{"type":"input_audio","input_audio":{"format":"image/png","data":"DATA"}}]}]"#,
            r#"[{"content":[{"type":"file","file":{"filename":"x","file_data":"DATA"}}]}]"#,
            r#"{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"DATA"}}]}"#,
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"DATA"}}]}]}"#,
            r#"{"contents":[{"parts":[{"inline_data":{"data":"DATA","mime_type":"image/png"}}]}]}"#,
            r#"{"messages":[{"content":[{"image":{"format":"png","source":{"bytes":"DATA"}}}]}]}"#,
            r#"{"messages":[{"content":[{"image":{"format":"png","source":{"bytes":NUMBERS}}}]}]}"#,
            r#"[{"role":"user","content":"x","images":["DATA"]}]"#,
            r#"[{"type":"image","data":{"type":"base64","value":"DATA"},"media_type":"png"}]"#,
            r#"{"data":[{"b64_json":"DATA"}]}"#,
            r#"{"text":"see ![x](data:image/png;base64,DATA) and more"}"#,
            r#""[{\"type\":\"blob\",\"modality\":\"image\",\"content\":\"DATA\"}]""#,
            r#"{"arguments":"{\"source\":{\"type\":\"base64\",\"data\":\"DATA\"}}"}"#,
            "look: data:image/png;base64,DATA.",
            r#"[Message { content: "data:image/png;base64,DATA" }]"#,
        ];
        for case in cases {
            for data in [&data, &escaped] {
                let text = case
                    .replace("DATA", data)
                    .replace("NUMBERS", &serde_json::to_string(&bytes).unwrap());
                if data.contains('\\') && serde_json::from_str::<Json>(&text).is_err() {
                    continue;
                }
                assert!(may_hold_media(&text), "{text}");
                let out = take_out(&text).into_owned();
                assert!(out.contains(&described), "{out}");
                assert!(!out.contains(&data[10..40]), "{out}");
                assert_eq!(take_out(&out), out);
                if serde_json::from_str::<Json>(&text).is_ok() {
                    assert!(serde_json::from_str::<Json>(&out).is_ok(), "{out}");
                }
            }
        }
    }

    #[test]
    fn media_in_unknown_places_is_taken_out() {
        let bytes: Vec<u8> =
            (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let data = ENGINE.encode(&bytes);
        let described = describe(&bytes, &Place::default());
        let lines: String = data
            .as_bytes()
            .chunks(76)
            .map(|l| format!("{}\n", std::str::from_utf8(l).unwrap()))
            .collect();
        for text in [
            format!("{{\"x\":{{\"y\":\"{data}\"}}}}"),
            format!("{{\"x\":\"before {data} after\"}}"),
            format!("before {data} after"),
            format!("{{\"x\":{}}}", serde_json::to_string(&lines).unwrap()),
            format!("{{\"x\":\"{}\"}}", data.replace('+', "-").replace('/', "_")),
            format!("{{\"x\":{}}}", serde_json::to_string(&bytes).unwrap()),
            format!("Image {{ bytes: {bytes:?} }}"),
            format!("[Image {{ data: {:?} }}]", data),
        ] {
            let out = take_out(&text);
            assert!(out.contains(&described), "{out}");
            assert!(out.len() < 200, "{out}");
            assert_eq!(take_out(&out), out);
        }
    }

    #[test]
    fn undecodable_media_does_not_survive() {
        for text in [
            r#"[{"type":"blob","modality":"image","content":"CANARY not base64"}]"#,
            r#"{"source":{"type":"base64","media_type":"image/png","data":"CANARY!"}}"#,
            r#"{"u":"data:image/svg+xml,%3Csvg%3ECANARY"}"#,
        ] {
            assert!(!take_out(text).contains("CANARY"), "{}", take_out(text));
        }
    }

    #[test]
    fn what_is_no_media_stays() {
        let long_word = "abcdefgh".repeat(400);
        let numbers = format!("{{\"embedding\":[{}]}}", vec!["0.25"; 400].join(","));
        let large = format!("{{\"ids\":[{}]}}", vec!["1000"; 400].join(","));
        let path = format!("{{\"p\":\"{}\"}}", "/usr/lib".repeat(10));
        for text in [
            "an ordinary prompt",
            "the data: a, b and c",
            &long_word,
            &numbers,
            &large,
            &path,
            r#"[{"role":"user","parts":[{"type":"text","content":"what is base64?"}]}]"#,
            r#"[{"type":"image","source":{"type":"url","url":"https://x/y.png"}}]"#,
            r#"[{"type":"text","content":"about images and bytes of audio"}]"#,
        ] {
            assert!(matches!(take_out(text), Cow::Borrowed(_)), "{}", take_out(text));
        }
    }

    #[test]
    fn hostile_text_takes_bounded_time() {
        for text in [
            "data:".repeat(2_000_000),
            "data:a/b,".repeat(1_000_000),
            "[".repeat(10_000_000),
            "a1B".repeat(3_000_000),
            "\\".repeat(10_000_000),
            "1,".repeat(5_000_000),
            format!("[{}", "1,".repeat(5_000_000)),
            "[1,2,3".repeat(1_000_000),
            format!("\"{}\"", "\\\"data:a/b;base64,".repeat(300_000)),
        ] {
            let _ = take_out(&text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_false_negatives_and_no_canary(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            around in "[ -~é]{0,40}",
            shape in 0_usize..5,
        ) {
            let data = ENGINE.encode(&bytes);
            let quoted = serde_json::to_string(&around).unwrap();
            let text = match shape {
                0 => format!(r#"[{{"a":{quoted},"type":"blob","modality":"image","content":"{data}"}}]"#),
                1 => format!(r#"{{"a":{quoted},"source":{{"type":"base64","data":"{data}"}}}}"#),
                2 => format!(r#"{{"inlineData":{{"data":"{data}"}},"b":{quoted}}}"#),
                3 => format!(r#"{{"b":{quoted},"url":"data:image/png;base64,{data}"}}"#),
                _ => format!("data:image/png;base64,{data} {around}"),
            };
            let out = take_out(&text).into_owned();
            if data.len() > 12 {
                prop_assert!(!out.contains(&data), "{}", out);
            }
            prop_assert_eq!(take_out(&out), out.as_str());
        }

        #[test]
        fn never_panics(text in prop_oneof![any::<String>(), "(data:|image/png|;base64,|[A-Za-z0-9+/]{0,20}|[\\[\\]{}\"\\\\,: ]|é){0,20}"]) {
            let out = take_out(&text).into_owned();
            if !may_hold_media(&text) {
                prop_assert_eq!(&out, &text);
            }
            if serde_json::from_str::<Json>(&text).is_ok() {
                prop_assert!(serde_json::from_str::<Json>(&out).is_ok());
            }
        }
    }
}
