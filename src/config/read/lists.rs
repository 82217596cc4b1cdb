//! The two lists of OpenTelemetry's variables: `name=value,name=value`.

use std::borrow::Cow;

/// An entry of a list of headers that could not be used, by its number from 1. Neither name nor
/// value is told: either may be a misplaced secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BadEntry {
    pub(crate) number: usize,
    pub(crate) message: &'static str,
}

/// Names and values in the order of the list.
pub(crate) type Pairs = Vec<(String, String)>;

/// Reads `OTEL_EXPORTER_OTLP_HEADERS`: values are percent-encoded, and where they are not they
/// are taken as they are.
pub(crate) fn headers(text: &str) -> (Pairs, Vec<BadEntry>) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut bad = Vec::new();
    for (index, entry) in text.split(',').enumerate() {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let number = index + 1;
        let Some((name, value)) = entry.split_once('=') else {
            bad.push(BadEntry { number, message: "has no `=`" });
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if value.is_empty() {
            bad.push(BadEntry { number, message: "has no value" });
            continue;
        }
        let value = match percent_decode(value) {
            Some(value) => value,
            None => {
                bad.push(BadEntry { number, message: "is not percent-encoded, taken as it is" });
                value.to_owned()
            }
        };
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value));
    }
    (headers, bad)
}

/// Reads `OTEL_RESOURCE_ATTRIBUTES`. One bad entry spoils the whole list, as specified.
///
/// The second list holds the names that stand there twice; the last one counts.
pub(crate) fn attributes(text: &str) -> Result<(Pairs, Vec<String>), &'static str> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut twice = Vec::new();
    for entry in text.split(',') {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let (name, value) = entry.split_once('=').ok_or("an entry without `=`")?;
        let decoded = (percent_decode(name.trim()), percent_decode(value.trim()));
        let (Some(name), Some(value)) = decoded else {
            return Err("an entry with a `%` that is not followed by two hexadecimal digits");
        };
        if name.is_empty() {
            return Err("an entry without a name");
        }
        if attributes.iter().any(|(other, _)| *other == name) {
            attributes.retain(|(other, _)| *other != name);
            twice.push(name.clone());
        }
        attributes.push((name, value));
    }
    Ok((attributes, twice))
}

/// The items of a list of words, each once.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if !words.iter().any(|other| other.eq_ignore_ascii_case(word)) {
            words.push(word);
        }
    }
    words
}

/// `None` for a `%` without two hexadecimal digits after it, and for what is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let is_encoded =
        |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_encoded) {
        return None;
    }
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn resource_attributes_by_the_specification() {
        let read = |text| attributes(text).map(|(attributes, _)| attributes);
        assert_eq!(read("a=x%20y%2Cz,b=1"), Ok(pairs(&[("a", "x y,z"), ("b", "1")])));
        assert_eq!(read(" a = b , c=d ,"), Ok(pairs(&[("a", "b"), ("c", "d")])));
        assert_eq!(read("d="), Ok(pairs(&[("d", "")])));
        for bad in ["a=1,b", "a=%ZZ", "=c", "a=%", "a=%ff"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(
            attributes("dup=1,dup=2"),
            Ok((pairs(&[("dup", "2")]), vec![String::from("dup")]))
        );
    }

    #[test]
    fn headers_by_the_specification() {
        let read = |text| {
            let (headers, bad) = headers(text);
            (headers, bad.len())
        };
        assert_eq!(
            read("Authorization=Basic%20YTpi,x=y"),
            (pairs(&[("Authorization", "Basic YTpi"), ("x", "y")]), 0)
        );
        assert_eq!(
            read("Authorization=Basic YTpi=="),
            (pairs(&[("Authorization", "Basic YTpi==")]), 0)
        );
        assert_eq!(
            read("authorization=Bearer a, x-bt-parent=project_id:1"),
            (pairs(&[("authorization", "Bearer a"), ("x-bt-parent", "project_id:1")]), 0)
        );
        assert_eq!(read("x=50%"), (pairs(&[("x", "50%")]), 1));
        assert_eq!(read("novalue,x=1"), (pairs(&[("x", "1")]), 1));
        assert_eq!(read("x="), (Vec::new(), 1));
    }
}
