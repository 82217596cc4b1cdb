//! What is in effect and who said so.

use std::fmt;

use serde::Serialize;

use super::content;
use super::resolve::Effective;
use super::settings::{Destination, Route, Scalar, Settings};
use super::values::{One, Values};
use crate::config::read::problem::Origin;
use crate::config::say::backends::Backend;
use crate::config::say::keys::{Field, Kind};
use crate::config::say::value::Value;
use crate::policy::{Policy, REDACTED, shown_url};

/// Every effective setting with its value and where it came from. Secrets are hidden.
///
/// `Display` prints one line per setting; serialised it is a list of objects with `key`, `value`
/// and `origin`, and a list of warnings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    settings: Vec<Line>,
    #[serde(skip)]
    sources: Vec<String>,
    warnings: Vec<String>,
}

/// One setting.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Line {
    key: String,
    value: String,
    origin: String,
}

impl Line {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>, origin: &Origin) -> Self {
        Self { key: key.into(), value: value.into(), origin: origin.to_string() }
    }

    /// For what follows from other settings.
    pub(crate) fn derived(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into(), origin: String::from("derived") }
    }
}

impl Explanation {
    /// `file` is the name of the one that was read.
    pub(crate) fn new(values: &Values, settings: &Settings, file: Option<&str>) -> Self {
        let mut lines: Vec<Line> = values.general().map(line).collect();
        for destination in &settings.destinations {
            self::destination(destination, &mut lines);
        }
        let sources = sources(&lines, file);
        Self { settings: lines, sources, warnings: Vec::new() }
    }

    /// What was said where: the configuration file, then `code` and the variables that count, each
    /// once. Empty where everything is at its default.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// With what is said about a destination that comes from code.
    pub(crate) fn add(&mut self, to: &Destination) {
        destination(to, &mut self.settings);
    }

    pub(crate) fn with_warnings(self, settings: &Settings) -> Self {
        Self { warnings: settings.warnings.clone(), ..self }
    }

    /// The value and the origin of a key, for example `traces.batch.flush_ms`; `None` for a key
    /// that has no value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(&str, &str)> {
        let line = self.settings.iter().find(|line| line.key == key)?;
        Some((&line.value, &line.origin))
    }

    /// What was set without effect, or was ignored.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Line) -> &str| {
            self.settings.iter().map(|line| of(line).chars().count()).max().unwrap_or(0).min(60)
        };
        let (keys, values) = (width(|line| &line.key), width(|line| &line.value));
        for Line { key, value, origin } in &self.settings {
            writeln!(f, "{key:keys$}  {value:values$}  ({origin})")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

fn sources(lines: &[Line], file: Option<&str>) -> Vec<String> {
    let mut sources: Vec<String> = file.map(String::from).into_iter().collect();
    for Line { origin, .. } in lines {
        let variable = origin.strip_prefix("env ");
        let named = variable.or_else(|| (origin == "code").then_some("code"));
        if let Some(name) = named.filter(|name| !sources.iter().any(|other| other == name)) {
            sources.push(name.to_owned());
        }
    }
    sources
}

fn line(One { name, effective, .. }: &One) -> Line {
    let Effective { key, value, origin, .. } = effective;
    let path = if name.is_empty() { key.path() } else { format!("{}.{name}", key.path()) };
    let text = match origin {
        // As the documentation spells it.
        Origin::Default if name.is_empty() => key.row().default.to_owned(),
        _ => show(key.field, value),
    };
    Line::new(path, text, origin)
}

fn show(field: Field, value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) | Value::Millis(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Choice(value) => (*value).to_owned(),
        Value::Choices(values) => values.join(","),
        Value::Text(text) if matches!(field.row().kind, Kind::Url) => {
            use super::settings::Protocol::Grpc;
            super::url::Address::parse(text, Grpc, true)
                .map(
                    |address| if text.contains("://") { address.to_string() } else { text.clone() },
                )
                .unwrap_or_default()
        }
        Value::Text(text) => text.clone(),
        Value::Path(path) => path.display().to_string(),
        Value::Secret(_) | Value::Headers(_) => REDACTED.to_owned(),
        Value::Scalar(scalar) => self::scalar(scalar),
        Value::Attributes(_) => String::new(),
        Value::Names(names) => names.join(","),
        Value::Counts(counts) => {
            let counts: Vec<_> =
                counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
            counts.join(",")
        }
        Value::Json(value) => value.to_string(),
    }
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::I64(value) => value.to_string(),
        Scalar::F64(value) => value.to_string(),
        Scalar::Str(value) => value.clone(),
        Scalar::List(values) => values.join(","),
    }
}

/// The directions that a policy lets out: `off`, `full` or their names.
fn capture(policy: Policy) -> String {
    let captured: Vec<&str> = content::CAPTURES
        .iter()
        .filter(|(_, class)| policy.allows(*class))
        .filter_map(|(field, _)| field.row().path.rsplit('.').next())
        .collect();
    match captured.len() {
        0 => String::from("off"),
        count if count == content::CAPTURES.len() => String::from("full"),
        _ => captured.join(","),
    }
}

/// What `explain` says about a destination.
fn destination(destination: &Destination, lines: &mut Vec<Line>) {
    let path = |rest: &str| format!("destinations.{}.{rest}", destination.name);
    let routes = [
        ("traces", &destination.traces),
        ("metrics", &destination.metrics),
        ("logs", &destination.logs),
    ];
    for (signal, route) in routes {
        if let Some(route) = route {
            lines.push(Line::derived(path(signal), shown_url(&route.url)));
        }
    }
    let own = destination.has_spans() && destination.traces.is_none();
    if own || (destination.has_logs() && destination.logs.is_none()) {
        lines.push(Line::new(path("exporter"), "own", &Origin::Code));
    }
    if own {
        lines.push(Line::new(path("format"), destination.format_name(), &Origin::Code));
    }
    if let Some(first) = destination.routes().next() {
        way(destination, first, path, lines);
    }
    if let Some(policy) = destination.policy {
        lines.push(Line::derived(path("content_capture"), capture(policy)));
    }
}

/// What is the same for all routes of a destination.
fn way(
    destination: &Destination,
    first: &Route,
    path: impl Fn(&str) -> String,
    lines: &mut Vec<Line>,
) {
    lines.push(Line::derived(path("protocol"), first.protocol.as_str()));
    let proxy = |route: &Route| route.proxies.on_the_way_to(&route.url.parse().ok()?).cloned();
    if let Some(proxy) = destination.routes().find_map(proxy) {
        lines.push(Line::derived(path("proxy"), format!("{proxy} ({})", proxy.variable)));
    }
    if destination.backend.name != Backend::any().name {
        lines.push(Line::derived(path("backend"), destination.backend.name));
    }
    lines.push(Line::derived(path("format"), destination.format.name));
    let names: Vec<&str> = first.headers.iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        lines.push(Line::derived(path("headers"), names.join(", ")));
    }
}
