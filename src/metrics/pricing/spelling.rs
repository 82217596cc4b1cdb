//! The many ways to write a model's name.

use crate::semconv::{known_provider, split_model_prefix};

/// The spellings under which a model may have a price, the most exact first, in lower case.
pub(super) fn of(model: &str) -> Vec<String> {
    let model = model.trim().to_ascii_lowercase();
    let mut all: Vec<String> = Vec::new();
    let mut next = Some(model.as_str());
    // `openrouter/openai/gpt-4o`, `models/gemini-2.5-pro`, an ARN's last part.
    while let Some(name) = next {
        with_less_behind(name, &mut all);
        let mut bare = name;
        while let Some(shorter) = without_region_or_vendor(bare) {
            with_less_behind(shorter, &mut all);
            bare = shorter;
        }
        next = name.split_once('/').map(|(_, rest)| rest).filter(|rest| !rest.is_empty());
    }
    all
}

/// A provider as the conventions write it.
pub(super) fn provider(provider: &str) -> String {
    let lower = provider.trim().to_ascii_lowercase();
    known_provider(&lower).map(str::to_owned).unwrap_or(lower)
}

/// The provider that a model's name begins with, as in `bedrock/anthropic.claude-3-opus`.
pub(super) fn provider_in(model: &str) -> Option<String> {
    let model = model.trim().to_ascii_lowercase();
    split_model_prefix(&model).map(|(provider, _)| provider.to_owned())
}

/// The name of a price's row: its provider, if there is one, as the conventions write it.
pub(super) fn entry(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    match name.split_once('/') {
        Some((first, rest)) if !first.contains('*') => format!("{}/{rest}", provider(first)),
        _ => name,
    }
}

fn with_less_behind(name: &str, all: &mut Vec<String>) {
    let mut name = name;
    for _ in 0..MAX_ENDINGS {
        if !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
        match without_ending(name) {
            Some(shorter) if !shorter.is_empty() => name = shorter,
            _ => return,
        }
    }
}

/// `us.anthropic.claude-…` without its region, `anthropic.claude-…` without its vendor.
fn without_region_or_vendor(name: &str) -> Option<&str> {
    let (first, rest) = name.split_once('.')?;
    (REGIONS.contains(&first) || VENDORS.contains(&first)).then_some(rest)
}

/// A name with one part less behind it: what says when or how, not which model.
fn without_ending(name: &str) -> Option<&str> {
    // `ft:gpt-4o-mini-2024-07-18:org:name:id` is priced as `ft:gpt-4o-mini-2024-07-18`.
    if let Some(tuned) = name.strip_prefix("ft:") {
        if let Some((base, _)) = tuned.split_once(':') {
            return Some(&name[..3 + base.len()]);
        }
    } else if let Some((base, _)) = name.rsplit_once(':') {
        // `-v2:0`, `:free`, `:latest`.
        return Some(base);
    }
    if let Some((base, _)) = name.split_once('@') {
        return Some(base);
    }
    if let Some((base, ending)) = name.rsplit_once("-v")
        && is_number(ending)
    {
        return Some(base);
    }
    for word in ["-latest", "-preview", "-exp", "-experimental"] {
        if let Some(base) = name.strip_suffix(word) {
            return Some(base);
        }
    }
    without_date(name)
}

/// Without `-2024-07-18`, `-20240718`, `-07-18`, `-07-2024`, `-0613`, `-2407` or `-001`.
fn without_date(name: &str) -> Option<&str> {
    let (rest, last) = name.rsplit_once('-')?;
    if !is_number(last) {
        return None;
    }
    match last.len() {
        4 => match rest.rsplit_once('-') {
            Some((base, month)) if month.len() == 2 && is_number(month) => Some(base),
            _ => Some(rest),
        },
        8 | 3 => Some(rest),
        2 => {
            let (before, month) = rest.rsplit_once('-')?;
            if !(is_number(month) && month.len() == 2) {
                return None;
            }
            match before.rsplit_once('-') {
                Some((base, year)) if year.len() == 4 && is_number(year) => Some(base),
                _ => Some(before),
            }
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const MAX_ENDINGS: usize = 6;
const REGIONS: [&str; 8] = ["us", "eu", "apac", "ap", "global", "us-gov", "jp", "au"];
const VENDORS: [&str; 11] = [
    "anthropic",
    "amazon",
    "meta",
    "mistral",
    "cohere",
    "ai21",
    "deepseek",
    "openai",
    "qwen",
    "stability",
    "writer",
];
