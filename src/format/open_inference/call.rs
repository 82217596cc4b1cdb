//! Everything about a call but its content: model, parameters, tokens, status.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;

use super::super::exception::add_exception;
use super::super::facts::Facts;
use super::super::json::{Members, node, owned};
use super::super::parameters::PARAMETERS;
use super::kind::Kind;
use super::tables;
use crate::content::json::{Node, Text};
use crate::semconv::Attr;

/// Kind, status and exception event as OpenInference's instrumentations leave them: every span is
/// internal, success is `Ok`, a failure has an `exception` event.
pub(super) fn frame(span: &mut SpanData, facts: &Facts) {
    if span.span_kind == SpanKind::Client {
        span.span_kind = SpanKind::Internal;
    }
    match &span.status {
        Status::Unset => span.status = Status::Ok,
        Status::Error { .. } => add_exception(span, facts),
        _ => {}
    }
}

/// Moves every fact that is not content under its OpenInference name; what has none comes back
/// as the `metadata` object.
pub(super) fn tell(facts: &mut Facts, kind: Option<Kind>, span: &SpanData) -> Option<String> {
    let metadata = metadata(facts, kind);
    parameters(facts, kind);
    model(facts, kind);
    if kind.is_none_or(Kind::counts_tokens) {
        tokens(facts, kind);
    }
    finish_reason(facts);
    template(facts);
    facts.rename(tables::ANY_KIND);
    if kind == Some(Kind::Reranker) {
        facts.rename(&[(Attr::RetrievalTopK, "reranker.top_k")]);
    }
    if let Some(id) = facts.take(Attr::ToolCallId) {
        facts.put("tool.id", id.clone());
        facts.put("tool_call.id", id);
    }
    evaluations(facts, span);
    metadata
}

/// An application that writes its own `metadata` keeps it, and these stay attributes.
fn metadata(facts: &mut Facts, kind: Option<Kind>) -> Option<String> {
    let operation = facts.text(Attr::OperationName).unwrap_or_default();
    let told = kind.is_some_and(|kind| kind.is_plain(operation));
    if told {
        facts.take(Attr::OperationName);
    }
    if facts.is_set("metadata") {
        return None;
    }
    let mut object = Members::new();
    let mut list = |attrs: &[Attr]| {
        object.extend(facts.take_members(attrs.iter().map(|attr| (*attr, attr.key()))));
    };
    if !told {
        list(&[Attr::OperationName]);
    }
    list(tables::METADATA);
    if kind.is_some_and(|kind| !kind.counts_tokens()) {
        list(tables::TOKENS_OF_A_TREE);
    }
    if kind != Some(Kind::Reranker) {
        list(&[Attr::RetrievalTopK]);
    }
    // The specification keeps `llm.*` names off these; elsewhere the provider is `llm.provider`.
    if matches!(kind, Some(Kind::Embedding | Kind::Reranker)) {
        list(&[Attr::ProviderName]);
    }
    (!object.is_empty()).then(|| Node::Object(object).to_json())
}

fn parameters(facts: &mut Facts, kind: Option<Kind>) {
    let key = match kind {
        Some(Kind::Embedding) => "embedding.invocation_parameters",
        _ => "llm.invocation_parameters",
    };
    if facts.is_set(key) {
        return;
    }
    let json = facts.text(Attr::OutputType).filter(|output| *output == "json").is_some();
    let there = PARAMETERS
        .iter()
        .filter_map(|&(attr, name)| Some((Text::word(name), node(facts.get(attr)?))));
    let mut object: Members<'_> = there.collect();
    if json {
        let format = Node::object([("type", Node::text("json_object"))]);
        object.push((Text::word("response_format"), format));
    }
    if object.is_empty() {
        return;
    }
    let parameters = Node::Object(object).to_json();
    for &(attr, _) in PARAMETERS {
        if attr != Attr::RequestModel {
            facts.take(attr);
        }
    }
    if json {
        facts.take(Attr::OutputType);
    }
    facts.put(key, parameters);
}

fn model(facts: &mut Facts, kind: Option<Kind>) {
    let request = facts.take_text(Attr::RequestModel);
    let response = facts.take_text(Attr::ResponseModel);
    if !matches!(kind, Some(Kind::Embedding | Kind::Reranker)) {
        if let Some(provider) = facts.take_text(Attr::ProviderName) {
            let (provider, system) = tables::provider(&provider, request.as_deref());
            facts.put("llm.provider", provider);
            facts.put("llm.system", system);
        }
        if request.is_some() && response.is_some() && request != response {
            facts.put_some("llm.request.model_name", request.clone());
            facts.put_some("llm.response.model_name", response.clone());
        }
    }
    facts.put_some(model_key(kind), response.or(request));
}

fn model_key(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Embedding) => "embedding.model_name",
        Some(Kind::Reranker) => "reranker.model_name",
        _ => "llm.model_name",
    }
}

fn tokens(facts: &mut Facts, kind: Option<Kind>) {
    let input = facts.int(Attr::UsageInputTokens).filter(|_| kind == Some(Kind::Embedding));
    let total = facts.total_tokens().or(input);
    facts.rename(tables::TOKENS);
    facts.take(Attr::UsageTotalTokens);
    facts.put_some("llm.token_count.total", total);
    costs(facts);
    facts.rename(tables::PROMPT_COST);
    facts.rename(tables::COMPLETION_COST);
}

/// What the prompt and what the completion cost, if the parts are known.
fn costs(facts: &mut Facts) {
    for (key, parts) in
        [("llm.cost.prompt", tables::PROMPT_COST), ("llm.cost.completion", tables::COMPLETION_COST)]
    {
        let known = parts.iter().filter_map(|(attr, _)| facts.float(*attr));
        facts.put_some(key, known.reduce(|sum, part| sum + part));
    }
}

/// What the supplement says about a call: the model that answered, which Phoenix takes from the
/// request, tokens that neither backend adds up, and what the call cost.
pub(super) fn supplement(facts: &mut Facts, kind: Option<Kind>) {
    if kind == Some(Kind::Embedding) {
        // A sum of input and output fails where there is no output.
        let input = facts.int(Attr::UsageInputTokens);
        facts.put_some("llm.token_count.prompt", input);
        facts.put_some("llm.token_count.total", input);
    }
    facts.repeat(&[(Attr::ResponseModel, model_key(kind))]);
    facts.repeat(tables::SUPPLEMENT_TOKENS);
    costs(facts);
}

/// OpenInference knows one finish reason; several stay the list they were, too.
fn finish_reason(facts: &mut Facts) {
    let Some(first) = facts.first(Attr::ResponseFinishReasons).map(str::to_owned) else { return };
    let several = matches!(
        facts.get(Attr::ResponseFinishReasons),
        Some(Value::Array(Array::String(reasons))) if reasons.len() > 1
    );
    if !several {
        facts.take(Attr::ResponseFinishReasons);
    }
    facts.put("llm.finish_reason", first);
}

fn template(facts: &mut Facts) {
    let variables = facts.take_prefixed("gen_ai.prompt.variable.");
    if variables.is_empty() {
        return;
    }
    let members = variables.into_iter().map(|(name, value)| (Text::plain(name), owned(&value)));
    let object = Node::Object(members.collect());
    facts.put("llm.prompt_template.variables", object.to_json());
}

/// Evaluation results, on the span or as its events.
fn evaluations(facts: &mut Facts, span: &SpanData) {
    let mut index = 0;
    if facts.has(Attr::EvaluationName) {
        for &(attr, leaf) in tables::EVALUATION {
            if let Some(value) = facts.take(attr) {
                facts.put(format!("evaluations.{index}.evaluation.{leaf}"), value);
            }
        }
        index += 1;
    }
    for event in span.events.iter().filter(|event| event.name == "gen_ai.evaluation.result") {
        for attribute in &event.attributes {
            let row =
                tables::EVALUATION.iter().find(|(attr, _)| attr.key() == attribute.key.as_str());
            if let Some((_, leaf)) = row {
                facts
                    .put(format!("evaluations.{index}.evaluation.{leaf}"), attribute.value.clone());
            }
        }
        index += 1;
    }
}
