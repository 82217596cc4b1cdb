//! Error text without what providers echo.
//!
//! An operator needs to read `429 rate limit reached`; nobody but the user should read the prompt
//! that a provider repeats in its complaint. [`scrub`] keeps the first line, at most 256 bytes of
//! it, and puts `…` in the place of
//!
//! * whatever stands in double, single, typographic quotes or backticks,
//! * whatever stands in braces, brackets or angle brackets (JSON bodies, lists, HTML),
//! * whatever follows `prompt:`, `input:`, `content=` and the like ([`ECHOES`]).
//!
//! A delimiter that is not closed takes the rest of the line with it. What this cannot do: text
//! that is echoed without any of these signs (`cannot answer tell me a secret`) is kept. Where that
//! is too much, the policy's level for error text is `type_only`.

use std::borrow::Cow;

use super::limit::boundary;

/// The first line that says something, as much of it as [`scrub`] looks at and more, so that what
/// stands at its end is whole.
pub(crate) fn first_line(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    if line.len() <= 2 * MAX_READ {
        return line;
    }
    let line = &line[..boundary(line, 2 * MAX_READ)];
    &line[..line.rfind(char::is_whitespace).unwrap_or(0)]
}

/// The text's first line without what may be echoed, at most 256 bytes. Scrubbing twice changes
/// nothing.
pub(crate) fn scrub(text: &str) -> Cow<'_, str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    let line = &line[..boundary(line, MAX_READ)];
    let scrubbed = Scrubber { line, at: 0, out: String::new() }.run();
    let scrubbed = capped(scrubbed);
    if scrubbed == text { Cow::Borrowed(text) } else { Cow::Owned(scrubbed) }
}

const MARK: char = '…';
const MAX_BYTES: usize = 256;
/// Bytes of a line that are looked at: more than ever fit into the result, so that a line of many
/// megabytes costs nothing.
const MAX_READ: usize = 8 * 1024;

/// Words before a colon or equals sign after which providers repeat what they were sent.
const ECHOES: &[&str] = &[
    "arguments",
    "body",
    "completion",
    "content",
    "contents",
    "document",
    "input",
    "inputs",
    "instruction",
    "instructions",
    "messages",
    "payload",
    "prompt",
    "prompts",
    "query",
    "question",
    "text",
];

/// Opening delimiters and what closes them. Quotes that open and close alike stand elsewhere.
const PAIRS: &[(char, char)] = &[
    ('{', '}'),
    ('[', ']'),
    ('<', '>'),
    ('“', '”'),
    ('„', '“'),
    ('‘', '’'),
    ('«', '»'),
    ('‹', '›'),
    ('「', '」'),
];

struct Scrubber<'t> {
    line: &'t str,
    at: usize,
    out: String,
}

impl<'t> Scrubber<'t> {
    fn run(mut self) -> String {
        while let Some(c) = self.line[self.at..].chars().next() {
            if self.out.len() > 2 * MAX_BYTES {
                self.mark();
                break;
            }
            let start = self.at;
            self.at += c.len_utf8();
            let end = match c {
                '"' | '`' => self.quote_end(c),
                '\'' if !self.is_apostrophe(start) => self.quote_end('\''),
                '’' if !self.is_apostrophe(start) => None,
                '<' if !self.opens_tag() => {
                    self.out.push(c);
                    continue;
                }
                // A page or element goes as a whole, with what stands between its tags.
                '<' if self.line[self.at..].contains("</") => {
                    self.line.rfind('>').filter(|end| *end >= self.at).map(|end| end + 1)
                }
                ':' | '=' if self.echoes() => {
                    self.out.push(c);
                    let rest = &self.line[self.at..];
                    if rest.trim_matches([' ', MARK]).is_empty() {
                        self.out.push_str(rest);
                    } else {
                        if rest.starts_with(' ') {
                            self.out.push(' ');
                        }
                        self.mark();
                    }
                    break;
                }
                _ => match PAIRS.iter().find(|(open, _)| *open == c) {
                    Some((open, close)) => self.pair_end(*open, *close),
                    None => {
                        self.out.push(if c.is_control() { ' ' } else { c });
                        continue;
                    }
                },
            };
            // An escaped quote (`\"`) goes with its backslash.
            while self.out.ends_with('\\') {
                self.out.pop();
            }
            self.mark();
            match end {
                Some(end) => self.at = end,
                None => break,
            }
        }
        self.out.trim().to_owned()
    }

    fn mark(&mut self) {
        if !self.out.ends_with(MARK) {
            self.out.push(MARK);
        }
    }

    fn char_before(&self, at: usize) -> Option<char> {
        self.line[..at].chars().next_back()
    }

    /// `can't`, `users' `: a letter before, and an ending of the language after it.
    fn is_apostrophe(&self, at: usize) -> bool {
        const ENDINGS: [&str; 7] = ["s", "t", "re", "ve", "ll", "d", "m"];
        let word_length =
            self.line[..at].chars().rev().take_while(|c| c.is_alphabetic()).take(3).count();
        // `b'…'` and `r'…'` are quotes of programming languages.
        if word_length < 2 && !self.line[..at].ends_with(['I']) {
            return false;
        }
        let quote = self.line[at..].chars().next().map_or(1, char::len_utf8);
        let rest = &self.line[at + quote..];
        let ending = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let ending = &rest[..ending];
        ENDINGS.contains(&ending)
            || ending.is_empty()
                && rest.starts_with(' ')
                && self.line[..at].ends_with('s')
                && !has_quote(rest)
    }

    fn opens_tag(&self) -> bool {
        let next = self.line[self.at..].chars().next();
        next.is_some_and(|c| c.is_alphabetic() || matches!(c, '/' | '!' | '?' | '|'))
    }

    /// Whether a word that announces an echo stands right before the sign just read.
    fn echoes(&self) -> bool {
        let before = self.out.trim_end();
        let start = before
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        ECHOES.iter().any(|word| word.eq_ignore_ascii_case(&before[start..]))
    }

    /// The end of what a quote opened. A quote between a space and a letter opens another level,
    /// because people quote inside quotes without escaping.
    fn quote_end(&self, quote: char) -> Option<usize> {
        let mut depth = 1;
        let mut escaped = false;
        for (offset, c) in self.line[self.at..].char_indices() {
            let at = self.at + offset;
            if c == '\\' && quote != '`' {
                escaped = !escaped;
                continue;
            }
            let was_escaped = std::mem::take(&mut escaped);
            if c != quote || was_escaped && !self.line[..self.at - 1].ends_with('\\') {
                continue;
            }
            let after = at + c.len_utf8();
            let next_is_word = self.line[after..].chars().next().is_some_and(char::is_alphanumeric);
            let opens = next_is_word
                && offset > 0
                && self.char_before(at).is_some_and(|c| c.is_whitespace() || "([{:=,".contains(c));
            if quote == '\'' && next_is_word && self.is_apostrophe(at) {
                continue;
            }
            if opens {
                depth += 1;
            } else if next_is_word && quote != '`' {
                // A closing quote is not glued to a word: this one belongs to the text.
            } else {
                depth -= 1;
            }
            if depth == 0 {
                return Some(after);
            }
        }
        None
    }

    /// The end of what a bracket opened, over nested ones and over strings in it.
    fn pair_end(&self, open: char, close: char) -> Option<usize> {
        let mut depth = 1;
        let mut in_string = false;
        let mut escaped = false;
        for (offset, c) in self.line[self.at..].char_indices() {
            let at = self.at + offset;
            if std::mem::take(&mut escaped) {
                continue;
            }
            match c {
                '\\' => escaped = true,
                '"' if matches!(open, '{' | '[') => in_string = !in_string,
                _ if in_string => {}
                c if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + c.len_utf8());
                    }
                }
                c if c == open => depth += 1,
                _ => {}
            }
        }
        None
    }
}

/// Whether an apostrophe in `text` is not inside a word.
fn has_quote(text: &str) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    text.char_indices().filter(|(_, c)| matches!(c, '\'' | '’')).any(|(at, c)| {
        let after = &text[at + c.len_utf8()..];
        !is_letter(text[..at].chars().next_back()) || !is_letter(after.chars().next())
    })
}

/// At most 256 bytes, the mark of the cut included.
fn capped(mut line: String) -> String {
    if line.len() <= MAX_BYTES {
        return line;
    }
    line.truncate(boundary(&line, MAX_BYTES - MARK.len_utf8()));
    line.truncate(line.trim_end_matches([' ', MARK]).len());
    line.push(MARK);
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn echoes_are_gone_and_the_rest_stays() {
        let cases = [
            ("429 rate limit reached", "429 rate limit reached"),
            ("first\nSECRET second", "first"),
            ("\n  first \nSECRET", "first"),
            ("invalid \"SECRET\" given", "invalid … given"),
            ("invalid 'SECRET' given", "invalid … given"),
            ("invalid `SECRET` given", "invalid … given"),
            ("invalid “SECRET” and «SECRET» given", "invalid … and … given"),
            ("can't read the users' file, it's gone", "can't read the users' file, it's gone"),
            ("can't read 'it isn't SECRET' now", "can't read … now"),
            ("bytes b'SECRET' here", "bytes b… here"),
            (r#"400: {"error":{"message":"SECRET } \" x"}} (req_1)"#, "400: … (req_1)"),
            (r#"{"error":{"message":"SECRET"#, "…"),
            ("bad [\"SECRET\", [1]] list", "bad … list"),
            (r#"Api(Some("SECRET"))"#, "Api(Some(…))"),
            (r#"said \"SECRET\" twice"#, "said … twice"),
            (r#""a \" SECRET" end"#, "… end"),
            (r#"said "he said "SECRET" loudly" end"#, "said … end"),
            ("open \"SECRET and more", "open …"),
            ("502: <html><body>SECRET</body></html> x", "502: … x"),
            ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
            ("invalid prompt: SECRET text", "invalid prompt: …"),
            ("content=SECRET", "content=…"),
            ("model \"gpt-4\" not found for key \"k\"", "model … not found for key …"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let scrubbed = scrub(text);
            assert_eq!(scrubbed, expected, "{text}");
            assert!(!scrubbed.contains("SECRET"));
            assert_eq!(scrub(&scrubbed), scrubbed, "{text}");
        }
    }

    #[test]
    fn hostile_text_takes_bounded_time() {
        for piece in ["<a>", "<a></a>", "' s' ", "\"a \"", "{\"", "[\\", "can't ", "\n", "x"] {
            assert!(scrub(&piece.repeat(10_000_000 / piece.len())).len() <= 256);
        }
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(scrub("429 rate limit reached"), Cow::Borrowed(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn bounded_and_idempotent(
            text in prop_oneof![any::<String>(), "[a-z '\"`{}\\[\\]<>:=\\\\“”‘’…]{0,60}", "([a-z]{1,9}[ '\"]{0,2}){0,60}"],
        ) {
            let once = scrub(&text).into_owned();
            prop_assert!(once.len() <= 256 && once.lines().count() <= 1);
            let twice = scrub(&once).into_owned();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn what_is_delimited_is_gone(
            before in "[a-z ]{0,20}",
            inner in "[a-z ]{0,20}",
            after in "[a-z ]{0,20}",
            pair in prop::sample::select(vec![("\"", "\""), ("`", "`"), ("{", "}"), ("[", "]"), ("“", "”"), (" '", "'")]),
        ) {
            let text = format!("{before}{}{inner}SECRET{inner}{} {after}", pair.0, pair.1);
            prop_assert!(!scrub(&text).contains("SECRET"), "{}", scrub(&text));
        }
    }
}
