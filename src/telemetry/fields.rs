//! Log lines without content.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use tracing_core::field::{Field, Visit};
use tracing_subscriber::field::{MakeVisitor, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::DefaultFields;

use crate::capture::layer::plan;
use crate::health::Health;
use crate::policy::{Comes, ContentCapture, Decision, ErrorText, Policy, format_fact};

/// A field formatter for `fmt` layers that withholds message content.
///
/// A prompt in `gen_ai.input.messages` stands in every log line of its span unless somebody takes
/// it out. [`init_telemetry`](crate::init_telemetry) does so for the layer it installs; give this
/// to a layer of your own:
///
/// ```
/// use tracing_genai::telemetry::WithoutContent;
///
/// let layer = tracing_subscriber::fmt::layer::<tracing_subscriber::Registry>()
///     .fmt_fields(WithoutContent::default());
/// ```
///
/// A withheld value reads `[withheld]`; it is never formatted, so its `Debug` costs nothing and
/// cannot panic. Withheld are the content attributes of the conventions in all their spellings,
/// arguments called `prompt`, `messages` and the like, the `return` of `#[instrument(ret)]`,
/// stack traces, and text longer than 256 bytes under a `gen_ai.` key that no table knows. Error
/// text, in which providers echo prompts, is scrubbed, and so is the message of a `WARN` or `ERROR`,
/// into which LLM clients write it: see [`WithoutContent::error_text`]. Any other message is its
/// author's affair.
///
/// It works with the formats `full` and `compact`, which print through it; `json` and `pretty`
/// write the fields of events by themselves.
#[derive(Clone, Copy, Debug)]
pub struct WithoutContent<M = DefaultFields> {
    inner: M,
    policy: Policy,
}

impl<M> WithoutContent<M> {
    /// Formats with `inner` what may be shown.
    #[must_use]
    pub const fn new(inner: M) -> Self {
        Self { inner, policy: Policy::new(ContentCapture::Off) }
    }

    /// Sets how much is shown of fields like `error` and `exception.message`, and of the messages of
    /// `WARN` and `ERROR`. Defaults to [`ErrorText::Scrubbed`].
    #[must_use]
    pub fn error_text(self, level: ErrorText) -> Self {
        Self { policy: self.policy.with_error_text(level), ..self }
    }
}

impl Default for WithoutContent {
    fn default() -> Self {
        Self::new(DefaultFields::default())
    }
}

impl<T, M: MakeVisitor<T>> MakeVisitor<T> for WithoutContent<M> {
    type Visitor = WithoutContentVisitor<M::Visitor>;

    fn make_visitor(&self, target: T) -> Self::Visitor {
        WithoutContentVisitor { inner: self.inner.make_visitor(target), policy: self.policy }
    }
}

/// The visitor of [`WithoutContent`].
#[derive(Debug)]
pub struct WithoutContentVisitor<V> {
    inner: V,
    policy: Policy,
}

impl<V: Visit> WithoutContentVisitor<V> {
    fn decide(&self, field: &Field, comes: Comes) -> Decision {
        self.policy.decide(plan::field(field), comes)
    }

    fn withhold(&mut self, field: &Field) {
        self.inner.record_debug(field, &format_args!("{WITHHELD}"));
    }

    /// Shows a value without text in it.
    fn plain(&mut self, field: &Field, show: impl FnOnce(&mut V)) {
        match self.decide(field, Comes::Plain) {
            Decision::Withhold => self.withhold(field),
            _ => show(&mut self.inner),
        }
    }

    /// Shows of a text what may be shown.
    fn text(&mut self, field: &Field, decision: Decision, text: &str) {
        match self.policy.text(decision, text, &UNCOUNTED) {
            Some(text) => self.inner.record_debug(field, &format_args!("{text}")),
            None => self.withhold(field),
        }
    }
}

impl<V: Visit> Visit for WithoutContentVisitor<V> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, |inner| inner.record_f64(field, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, |inner| inner.record_i64(field, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, |inner| inner.record_u64(field, value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, |inner| inner.record_i128(field, value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, |inner| inner.record_u128(field, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, |inner| inner.record_bool(field, value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.decide(field, Comes::Text(value.len())) {
            Decision::Keep => self.inner.record_str(field, value),
            decision => self.text(field, decision, value),
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        match self.decide(field, Comes::Text(value.len())) {
            Decision::Keep => self.inner.record_bytes(field, value),
            _ => self.withhold(field),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        match self.decide(field, Comes::Error) {
            Decision::Withhold => self.withhold(field),
            decision => self.text(field, decision, &value.to_string()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match self.decide(field, Comes::Unread) {
            Decision::Keep => self.inner.record_debug(field, value),
            Decision::Withhold => self.withhold(field),
            Decision::KeepShort => match format_fact(value) {
                Some(text) => self.inner.record_debug(field, &format_args!("{text}")),
                None => self.withhold(field),
            },
            decision => self.text(field, decision, &format!("{value:?}")),
        }
    }
}

impl<V: VisitOutput<fmt::Result>> VisitOutput<fmt::Result> for WithoutContentVisitor<V> {
    fn finish(self) -> fmt::Result {
        self.inner.finish()
    }
}

impl<V: VisitFmt> VisitFmt for WithoutContentVisitor<V> {
    fn writer(&mut self) -> &mut dyn Write {
        self.inner.writer()
    }
}

/// A formatter belongs to no telemetry.
static UNCOUNTED: LazyLock<Health> = LazyLock::new(Health::default);

const WITHHELD: &str = "[withheld]";

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    struct Explosive;

    impl fmt::Debug for Explosive {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a withheld value was formatted")
        }
    }

    impl fmt::Display for Explosive {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a withheld value was formatted")
        }
    }

    #[test]
    fn a_withheld_value_is_never_formatted() {
        let text = log(|| {
            let span = tracing::info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.input.messages = ?Explosive,
                gen_ai.output.messages = tracing::field::Empty,
            );
            span.record("gen_ai.output.messages", tracing::field::display(Explosive));
            let _entered = span.entered();
            tracing::info!(gen_ai.tool.call.arguments = %Explosive, tokens = 7, "answered");
        });
        assert!(text.contains("gen_ai.operation.name=\"chat\""), "{text}");
        assert!(text.contains("gen_ai.input.messages=[withheld]"), "{text}");
        assert!(text.contains("gen_ai.output.messages=[withheld]"), "{text}");
        assert!(text.contains("answered gen_ai.tool.call.arguments=[withheld] tokens=7"), "{text}");
    }

    #[test]
    fn other_spellings_and_other_types_are_withheld_too() {
        let text = log(|| {
            tracing::info!(
                gen_ai.prompt = "canary",
                exception.stacktrace = "canary",
                gen_ai.tool.call.result = 42,
                gen_ai.request.headers = "authorization: canary",
                "failed"
            );
        });
        assert!(!text.contains("canary") && !text.contains("42"), "{text}");
    }

    #[test]
    fn error_text_is_scrubbed() {
        let echo = io::Error::other("429 rate limit reached for 'canary'\nPrompt: canary");
        let text = log(|| {
            tracing::error!(error = &echo as &dyn std::error::Error, "as an error");
            tracing::error!(error = %echo, "by Display");
            tracing::error!(exception.message = echo.to_string(), "as text");
        });
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(text.matches("429 rate limit reached").count(), 3, "{text}");
    }

    #[test]
    fn unknown_keys_are_shown_while_short() {
        let long = "canary".repeat(50);
        let text = log(|| {
            tracing::info!(gen_ai.new.fact = "short", gen_ai.new.debug = ?Some(1), "new");
            tracing::info!(gen_ai.new.fact = long.as_str(), gen_ai.new.debug = ?long, "new");
        });
        assert!(text.contains("gen_ai.new.fact=\"short\" gen_ai.new.debug=Some(1)"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    fn log(emit: impl FnOnce()) -> String {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .without_time()
            .fmt_fields(WithoutContent::default())
            .with_writer({
                let buffer = Arc::clone(&buffer);
                move || Buffer(Arc::clone(&buffer))
            });
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, emit);
        let bytes = buffer.lock().map(|bytes| bytes.clone()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Ok(mut buffer) = self.0.lock() {
                buffer.extend_from_slice(bytes);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
