//! What may leave, by every way in which a value can come: each way × each name of the tables ×
//! each kind of span × each policy. The names are those that the crate itself lists, so a new row is
//! covered by itself. No canary is in any byte where the policy says no, and each is there where it
//! says yes.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::print_stdout, reason = "how many cells were tried is part of the result")]

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, global};
use tracing::field::{Empty, FieldSet, Value};
use tracing::{Dispatch, Event, Level, Metadata, Span, error, info_span, instrument, warn};
use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::{Interest, Kind};
use tracing_genai::Telemetry;
use tracing_genai::semconv::{Class, Place, known_names};
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::{OtlpReceiver, SpanSink};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

// -- what is told --------------------------------------------------------------------------------

/// A name with whose data its values are.
#[derive(Clone, Copy, Debug)]
struct Name {
    key: &'static str,
    class: Class,
    /// Text of any length, or only long one.
    long: bool,
    /// It counts beside GenAI fields only.
    beside: bool,
    /// The text is certain to be there where it may leave.
    certain: bool,
}

/// Every name of the tables whose values a policy may withhold, and names that none has.
fn names() -> Vec<Name> {
    let listed = known_names().into_iter().filter(|known| known.class != Class::Metadata);
    let mut names: Vec<Name> = listed
        .map(|known| Name {
            key: match known.place {
                Place::Prefix => format!("{}.canary", known.name.trim_end_matches('.')).leak(),
                _ => known.name,
            },
            class: known.class,
            long: false,
            beside: known.place == Place::TextBesideGenAi,
            // Several spellings share an attribute, whose last value wins; pieces become a whole.
            certain: known.place != Place::Prefix
                && !known.name.starts_with("otel.")
                && known.attr.is_none_or(|attr| attr.key() == known.name),
        })
        .collect();
    let unknown =
        |key, beside| Name { key, class: Class::Input, long: true, beside, certain: true };
    names.extend([
        unknown("gen_ai.nobody.knows", false),
        unknown("dump_of_everything", true),
        Name { class: Class::StackTrace, long: false, ..unknown("cause.chain", false) },
    ]);
    // The last value wins: of the spellings of an attribute, the one that is looked for.
    names.sort_by_key(|name| name.certain);
    names
}

/// A value that is told once: a cell of the matrix.
#[derive(Clone, Debug)]
struct Cell {
    way: &'static str,
    name: Name,
    span: Kinds,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kinds {
    GenAi,
    /// GenAI by an attribute that comes after the value.
    TurnsLater,
    Plain,
    Unsampled,
}

/// The cells so far; the number of one is in its canary.
#[derive(Default)]
struct Cells(Vec<Cell>);

impl Cells {
    fn tell(&mut self, way: &'static str, name: Name, span: Kinds) -> String {
        self.0.push(Cell { way, name, span });
        let canary = format!("canary-{}-end", self.0.len() - 1);
        match name.class {
            // As a provider repeats it.
            Class::ErrorText | Class::StackTrace => format!("refused \"{canary}\""),
            _ if name.long => format!("{canary} {}", "word ".repeat(60)),
            _ => canary,
        }
    }
}

/// The numbers of the canaries that are in `bytes`.
fn found(bytes: &[u8]) -> BTreeSet<usize> {
    let text = String::from_utf8_lossy(bytes);
    let after = text.match_indices("canary-").map(|(at, word)| &text[at + word.len()..]);
    after.filter_map(|rest| rest.split_once("-end")?.0.parse().ok()).collect()
}

// -- who is told ---------------------------------------------------------------------------------

#[derive(Clone, Debug, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Telemetry as `init` installs it, for the process: two receivers, the second of which may have no
/// content whatever the policy, the log lines and the console.
struct Out {
    own: OtlpReceiver,
    strict: OtlpReceiver,
    log: Printed,
    console: Printed,
    file: PathBuf,
    telemetry: Telemetry,
}

impl Out {
    fn start() -> Self {
        let (own, strict) = (OtlpReceiver::start(), OtlpReceiver::start());
        let (log, console) = (Printed::default(), Printed::default());
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("canary_matrix-{}.json", std::process::id()));
        write_settings(&file, [&own, &strict], "off");
        let telemetry = tracing_genai::builder()
            .env([("RUST_LOG", "info")])
            .config_file(&file)
            .service_name("matrix")
            .console(Console::Always)
            .console_writer(console.clone())
            .log_writer(log.clone())
            .init()
            .unwrap();
        Self { own, strict, log, console, file, telemetry }
    }

    fn set(&self, policy: &str) {
        write_settings(&self.file, [&self.own, &self.strict], policy);
        self.telemetry.reload().unwrap();
    }

    /// What is in all that got out since the last time: by the first receiver, and by the others.
    fn take(&self) -> (BTreeSet<usize>, BTreeSet<usize>) {
        self.telemetry.force_flush().unwrap();
        let own = found(&self.own.raw_bytes());
        let mut others = found(&self.strict.raw_bytes());
        others.extend(found(&self.log.take()));
        let console = found(&self.console.take());
        self.own.clear();
        self.strict.clear();
        (own.union(&console).copied().collect(), others)
    }
}

fn write_settings(file: &PathBuf, [own, strict]: [&OtlpReceiver; 2], policy: &str) {
    let settings = format!(
        r#"{{
            "content_capture": {policy},
            "traces": {{"batch": {{"max_queue_size": 100000}}}},
            "logs": {{"enabled": true}},
            "exporters": [
                {{"name": "own", "endpoint": "{}"}},
                {{"name": "strict", "endpoint": "{}", "content_capture": "off"}}
            ]
        }}"#,
        own.endpoint(),
        strict.endpoint(),
        policy = match policy.starts_with('{') {
            true => policy.to_owned(),
            false => format!("\"{policy}\""),
        },
    );
    std::fs::write(file, settings).unwrap();
}

// -- the ways ------------------------------------------------------------------------------------

/// A callsite as the macros of `tracing` make one, with fields that are known at run time.
struct Site(OnceLock<Metadata<'static>>);

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().unwrap()
    }
}

fn site(kind: Kind, fields: &[&'static str]) -> &'static Metadata<'static> {
    let site: &'static Site = Box::leak(Box::new(Site(OnceLock::new())));
    let fields = FieldSet::new(fields.to_vec().leak(), Identifier(site));
    let (file, module) = (Some(file!()), Some(module_path!()));
    let metadata =
        Metadata::new("handler", "matrix", Level::INFO, file, Some(line!()), module, fields, kind);
    site.0.set(metadata).unwrap();
    tracing_core::callsite::register(site);
    site.0.get().unwrap()
}

/// The values of all fields, those of the first two being what makes the span GenAI.
fn values<'v>(gen_ai: &'v [&'v str], texts: &'v [String]) -> Vec<Option<&'v dyn Value>> {
    let gen_ai = gen_ai.iter().map(|value| Some(value as &dyn Value));
    gen_ai.chain(texts.iter().map(|value| Some(value as &dyn Value))).collect()
}

const GEN_AI: [&str; 1] = ["gen_ai.operation.name"];

/// A span of `tracing` with these fields, which have no value yet where there are no texts.
fn made(metadata: &'static Metadata<'static>, gen_ai: bool, texts: &[String]) -> Span {
    let enabled =
        tracing::dispatcher::get_default(|dispatch: &Dispatch| dispatch.enabled(metadata));
    assert!(enabled);
    let chat = ["chat"];
    let gen_ai: &[&str] = if gen_ai { &chat } else { &[] };
    let mut all = values(gen_ai, texts);
    all.resize(metadata.fields().len(), None);
    Span::new(metadata, &metadata.fields().value_set_all(&all))
}

/// Everything in which each of some names is told once.
struct Round<'a> {
    cells: &'a mut Cells,
    names: &'a [Name],
    kind: Kinds,
    plain_site: &'static Metadata<'static>,
    gen_ai_site: &'static Metadata<'static>,
    plain_event: &'static Metadata<'static>,
    gen_ai_event: &'static Metadata<'static>,
}

impl Round<'_> {
    fn texts(&mut self, way: &'static str) -> Vec<String> {
        let kind = self.kind;
        self.names.iter().map(|name| self.cells.tell(way, *name, kind)).collect()
    }

    fn attributes(&mut self, way: &'static str) -> Vec<KeyValue> {
        let texts = self.texts(way);
        self.names.iter().zip(texts).map(|(name, text)| KeyValue::new(name.key, text)).collect()
    }

    fn is_gen_ai(&self) -> bool {
        matches!(self.kind, Kinds::GenAi | Kinds::Unsampled)
    }

    fn span(&self, texts: &[String]) -> Span {
        let site = if self.is_gen_ai() { self.gen_ai_site } else { self.plain_site };
        let span = made(site, self.is_gen_ai(), texts);
        if self.kind == Kinds::Unsampled {
            span.set_parent(unsampled()).unwrap();
        }
        span
    }

    fn ends(&self, span: &Span) {
        if self.kind == Kinds::TurnsLater {
            span.set_attribute(GEN_AI[0], "chat");
        }
    }

    fn run(&mut self) {
        self.spans_of_tracing();
        self.spans_of_the_api();
        self.events();
    }

    fn spans_of_tracing(&mut self) {
        let texts = self.texts("at creation");
        let span = self.span(&texts);
        span.in_scope(|| {});
        self.ends(&span);

        for (way, before, entered) in [
            ("recorded before the first enter", false, false),
            ("recorded inside", true, true),
            ("recorded late", true, false),
        ] {
            let texts = self.texts(way);
            let span = self.span(&[]);
            if before && !entered {
                span.in_scope(|| {});
            }
            let inside = entered.then(|| span.enter());
            for (name, text) in self.names.iter().zip(&texts) {
                span.record(name.key, text.as_str());
            }
            drop(inside);
            span.in_scope(|| {});
            self.ends(&span);
        }

        for (way, entered) in [("SpanExt before the start", false), ("SpanExt inside", true)] {
            let attributes = self.attributes(way);
            let span = self.span(&[]);
            if entered {
                span.in_scope(|| {});
            }
            for KeyValue { key, value, .. } in attributes {
                span.set_attribute(key, value);
            }
            span.in_scope(|| {});
            self.ends(&span);
        }
    }

    fn spans_of_the_api(&mut self) {
        let tracer = global::tracer("library");
        let cx = if self.kind == Kinds::Unsampled { unsampled() } else { Context::new() };
        let chat = || KeyValue::new(GEN_AI[0], "chat");

        let attributes = self.attributes("API");
        let mut span = tracer.start_with_context("api", &cx);
        if self.is_gen_ai() {
            span.set_attribute(chat());
        }
        span.set_attributes(attributes);
        if self.kind == Kinds::TurnsLater {
            span.set_attribute(chat());
        }
        span.end();

        let mut attributes = self.attributes("builder");
        if self.is_gen_ai() {
            attributes.push(chat());
        }
        let link = Link::new(remote(), self.attributes("link of a builder"), 0);
        let builder = tracer.span_builder("api").with_attributes(attributes).with_links(vec![link]);
        let mut span = tracer.build_with_context(builder, &cx);
        span.add_link(remote(), self.attributes("link"));
        if self.kind == Kinds::TurnsLater {
            span.set_attribute(chat());
        }
        drop(span);
    }

    fn events(&mut self) {
        let texts = self.texts("event");
        let (site, gen_ai) = match self.is_gen_ai() {
            true => (self.gen_ai_event, &["chat"][..]),
            false => (self.plain_event, &[][..]),
        };
        let all = values(gen_ai, &texts);
        let span = self.span(&[]);
        span.in_scope(|| Event::dispatch(site, &site.fields().value_set_all(&all)));
        let mut attributes = self.attributes("event by the API");
        if self.is_gen_ai() {
            attributes.push(KeyValue::new(GEN_AI[0], "chat"));
        }
        span.add_event("told", attributes);
        self.ends(&span);
    }
}

fn remote() -> SpanContext {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

fn unsampled() -> Context {
    let (trace, span) = (TraceId::from(8), SpanId::from(8));
    let parent = SpanContext::new(trace, span, TraceFlags::NOT_SAMPLED, true, TraceState::NONE);
    Context::new().with_remote_span_context(parent)
}

// -- the policies --------------------------------------------------------------------------------

/// Whether data of a class may be exported.
type Lets = fn(Class) -> bool;

/// What the file says, and what may be exported by it.
const POLICIES: [(&str, Lets); 8] = [
    ("off", |_| false),
    (r#"{"input": "full"}"#, |class| class == Class::Input),
    (r#"{"output": "full"}"#, |class| class == Class::Output),
    (r#"{"system": "full"}"#, |class| class == Class::System),
    (r#"{"tools": "full"}"#, |class| class == Class::Tools),
    (r#"{"retrieval": "full"}"#, |class| class == Class::Retrieval),
    (r#"{"memory": "full"}"#, |class| class == Class::Memory),
    ("full", |class| class != Class::Secret),
];

/// Whether the canary of a cell must not be anywhere; the names that count beside GenAI fields only
/// may be anywhere else.
fn is_free(cell: &Cell) -> bool {
    // The message of an event is its author's affair.
    if cell.way == "event" && cell.name.key == "message" {
        return true;
    }
    cell.name.beside
        && (cell.span == Kinds::Plain
            // An event and a link stand for themselves.
            || cell.way.starts_with("link")
            || cell.span == Kinds::TurnsLater && cell.way.starts_with("event"))
}

/// Whether the canary must be there: the first receiver gets it.
fn is_wanted(cell: &Cell) -> bool {
    let on_span = !cell.way.starts_with("event") && !cell.way.starts_with("link");
    // A callsite that turns out to be GenAI afterwards has no field for what it does not declare.
    cell.name.certain && on_span && cell.span == Kinds::GenAi
}

#[test]
fn nothing_leaves_that_the_policy_withholds_and_all_that_it_lets_out() {
    let out = Out::start();
    let names = names();
    let mut cells = Cells::default();
    let rounds: Vec<_> = names
        .chunks(16)
        .map(|names| {
            let keys: Vec<&'static str> = names.iter().map(|name| name.key).collect();
            let with = [&GEN_AI[..], &keys].concat();
            let span = |keys: &[&'static str]| site(Kind::SPAN, keys);
            let event = |keys: &[&'static str]| site(Kind::EVENT, keys);
            (names, span(&keys), span(&with), event(&keys), event(&with))
        })
        .collect();
    let (mut leaks, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for (policy, allows) in POLICIES {
        out.set(policy);
        for kind in [Kinds::GenAi, Kinds::TurnsLater, Kinds::Plain, Kinds::Unsampled] {
            let first = cells.0.len();
            for (names, plain_site, gen_ai_site, plain_event, gen_ai_event) in &rounds {
                Round {
                    cells: &mut cells,
                    names,
                    kind,
                    plain_site,
                    gen_ai_site,
                    plain_event,
                    gen_ai_event,
                }
                .run();
            }
            let (own, others) = out.take();
            for (number, cell) in cells.0.iter().enumerate().skip(first) {
                let may = allows(cell.name.class);
                if !is_free(cell) && (!may && own.contains(&number) || others.contains(&number)) {
                    leaks.insert(format!(
                        "{} | {} | {:?} | {policy}",
                        cell.way, cell.name.key, cell.span
                    ));
                }
                if may && is_wanted(cell) && !own.contains(&number) {
                    missing.insert(format!("{} | {} | {policy}", cell.way, cell.name.key));
                }
            }
        }
    }
    let told = errors(&out);
    let shown = [
        out.telemetry.status().to_string(),
        serde_json::to_string(&out.telemetry.status()).unwrap(),
        out.telemetry.explain().to_string(),
        tracing_genai::lint::findings().iter().map(|finding| format!("{finding}\n")).collect(),
    ];
    for text in shown {
        assert!(!text.contains("canary-"), "{text}");
    }
    out.telemetry.shutdown().unwrap();
    std::fs::remove_file(&out.file).unwrap();
    println!("{} cells, {told} of errors and messages", cells.0.len() + told);
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
    assert!(missing.is_empty(), "{} missing: {missing:#?}", missing.len());
}

// -- errors and messages -------------------------------------------------------------------------

/// As a provider that repeats the prompt fails, and as an HTTP client prints the key in its URL.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

#[instrument(skip_all, err, fields(gen_ai.operation.name = "chat"))]
fn fails(text: &str) -> Result<(), Refused> {
    Err(Refused(text.to_owned()))
}

#[instrument(skip_all, err(Debug))]
fn fails_plainly(text: &str) -> Result<(), Refused> {
    Err(Refused(text.to_owned()))
}

/// Every way in which an error's text comes, with content off; returns how many cells there are.
fn errors(out: &Out) -> usize {
    out.set("off");
    let texts: [fn(usize) -> String; 7] = [
        |n| format!("cannot answer \"canary-{n}-end\""),
        |n| format!("bad body: {{\"messages\": [{{\"content\": \"canary-{n}-end\"}}]}}"),
        |n| format!("refused\ncaused by canary-{n}-end"),
        |n| format!("error sending request for url (https://h/v1?key=canary-{n}-end)"),
        |n| format!("401: authorization: Bearer canary-{n}-end"),
        |n| format!("401: x-api-key = canary-{n}-end"),
        |n| format!("https://user:canary-{n}-end@h/ does not answer"),
    ];
    let mut number = 1_000_000;
    let mut ways = Vec::new();
    for text in texts {
        let mut next = |way: &'static str| {
            number += 1;
            ways.push(way);
            text(number)
        };
        let tracer = global::tracer("library");
        for gen_ai in [true, false] {
            let made = || match gen_ai {
                true => info_span!(
                    "handler",
                    gen_ai.operation.name = "chat",
                    error = Empty,
                    cause = Empty,
                    exception.message = Empty,
                    otel.status_description = Empty,
                ),
                false => info_span!(
                    "plain",
                    error = Empty,
                    cause = Empty,
                    exception.message = Empty,
                    otel.status_description = Empty,
                ),
            };
            let span = made();
            span.set_status(Status::error(next("status")));
            span.in_scope(|| {});
            span.set_status(Status::error(next("status, late")));
            let span = made();
            span.record("otel.status_description", next("otel.status_description"));
            span.in_scope(|| {});
            for field in ["error", "cause", "exception.message"] {
                for entered in [false, true] {
                    let span = made();
                    if entered {
                        span.in_scope(|| {});
                    }
                    let refused = Refused(next("an error under a name"));
                    span.record(field, &refused as &(dyn std::error::Error + 'static));
                    span.in_scope(|| {});
                    let span = made();
                    if entered {
                        span.in_scope(|| {});
                    }
                    let refused = Refused(next("an error, then GenAI"));
                    span.record(field, &refused as &(dyn std::error::Error + 'static));
                    span.set_attribute("gen_ai.operation.name", "chat");
                    let refused = Refused(next("an error after GenAI"));
                    span.record(field, &refused as &(dyn std::error::Error + 'static));
                }
            }
            let span = made();
            let _entered = span.enter();
            // As async-openai writes whole bodies into its messages.
            error!("failed deserialization of: {}", next("message"));
            warn!("Server error: 500 {}", next("message"));
            error!(error = %next("error"), "failed");
            error!(error = %next("error"));
            let refused = Refused(next("an error of an event"));
            error!(cause = &refused as &dyn std::error::Error, "failed");
            warn!(exception.message = %next("exception"), "failed");
            warn!(exception.details = next("details"), error.details = next("details"), "failed");
            let mut span = tracer.start("api");
            if gen_ai {
                span.set_attribute(KeyValue::new("gen_ai.operation.name", "chat"));
            }
            span.record_error(&Refused(next("record_error")));
            span.set_status(Status::error(next("status by the API")));
            span.set_attribute(KeyValue::new("error.message", next("error.message")));
            span.end();
        }
        let _ = fails(&next("#[instrument(err)]"));
        let _ = fails_plainly(&next("#[instrument(err)], plain"));
    }
    let (own, others) = out.take();
    let leaks: BTreeSet<&str> = own.union(&others).map(|number| ways[number - 1_000_001]).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    ways.len()
}

// -- spans that are over -------------------------------------------------------------------------

#[test]
fn a_span_that_has_expired_lets_nothing_out() {
    let sink = SpanSink::default();
    let limit = Duration::from_millis(100);
    let layer = tracing_genai::layer(sink.provider().tracer("test")).span_ttl(limit);
    let names = names();
    let names: Vec<Name> =
        names.into_iter().filter(|name| name.class.is_content() && !name.long).collect();
    let keys: Vec<&'static str> = names.iter().map(|name| name.key).collect();
    let mut cells = Cells::default();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        for keys in keys.chunks(24) {
            let metadata = site(Kind::SPAN, &[&GEN_AI[..], keys].concat());
            let span = Span::new(
                metadata,
                &metadata.fields().value_set_all(
                    &std::iter::once(Some(&"chat" as &dyn Value))
                        .chain(keys.iter().map(|_| None))
                        .collect::<Vec<_>>(),
                ),
            );
            let mut tell = |way| {
                for key in keys {
                    let name = Name {
                        key,
                        class: Class::Input,
                        long: false,
                        beside: false,
                        certain: false,
                    };
                    let text = cells.tell(way, name, Kinds::GenAi);
                    span.record(*key, text.as_str());
                    span.set_attribute(*key, text);
                }
            };
            tell("before it expires");
            span.in_scope(|| {});
            let patience = Instant::now() + Duration::from_secs(60);
            while sink.is_empty() {
                assert!(Instant::now() < patience, "the span has not expired");
                std::thread::sleep(Duration::from_millis(2));
            }
            tell("after it has expired");
            drop(span);
            assert!(!sink.contains_bytes("canary-"), "{keys:?}");
            drop(sink.take());
        }
    });
    println!("{} cells of expired spans", cells.0.len());
}

/// Whether something may leave is decided in one folder. Others may ask a policy what it says, to
/// show it or to merge it, but nobody else knows what follows from a class or a level.
#[test]
fn nobody_but_the_policy_decides() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let words = ["ErrorText::", ".error_text()", "LONGEST_FACT", ".chain\"", "\"sk-\""];
    let mut folders: Vec<PathBuf> = ["calls", "capture", "console", "format", "metrics", "record"]
        .iter()
        .map(|room| root.join(room))
        .collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.extend(
                code.filter(|line| words.iter().any(|word| line.contains(word)))
                    .map(|line| format!("{}: {line}", path.display())),
            );
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
