//! What the chunks of one answer have said so far.

use std::fmt::{self, Display};

use opentelemetry::{Array, StringValue, Value as OtelValue};
use serde_json::{Value, json};

use crate::semconv::Attr;

/// An answer being put together.
///
/// Text is only kept where the policy captures output, and only as much as one attribute may hold.
/// Everything else is set as often as a chunk says it: the last value counts.
pub struct Answer {
    id: Option<String>,
    model: Option<String>,
    facts: Vec<(Attr, String)>,
    tokens: Vec<(Attr, u64)>,
    choices: Vec<Choice>,
    /// How many bytes of content may still be kept; 0 where none is wanted.
    room: usize,
    usage_is_final: bool,
    /// Whether the provider has said its last word, beside the reasons why choices have finished.
    complete: bool,
    /// Whether chunks of this answer say when they are the last.
    speaks_of_its_end: bool,
    /// Whether the chunk being read carried something of the answer.
    produced: bool,
    failure: Option<(String, String)>,
}

struct Choice {
    index: usize,
    finish: Option<String>,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Reasoning(String),
    ToolCall { key: u64, id: String, name: String, arguments: String },
}

/// More choices than this are not kept apart.
const MOST_CHOICES: usize = 64;
/// What a part takes beside its text.
const PART_BYTES: usize = 64;

impl Answer {
    pub(super) fn new(content_bytes: usize) -> Self {
        Self {
            id: None,
            model: None,
            facts: Vec::new(),
            tokens: Vec::new(),
            choices: Vec::new(),
            room: content_bytes,
            usage_is_final: false,
            complete: false,
            speaks_of_its_end: false,
            produced: false,
            failure: None,
        }
    }

    /// `gen_ai.response.id`
    pub fn id(&mut self, id: &str) {
        set(&mut self.id, id);
    }

    /// `gen_ai.response.model`
    pub fn model(&mut self, model: &str) {
        set(&mut self.model, model);
    }

    /// Any other text attribute that is not content.
    pub fn fact(&mut self, attr: Attr, text: &str) {
        if attr.class().is_content() {
            return;
        }
        match self.facts.iter_mut().find(|(known, _)| *known == attr) {
            Some((_, known)) if known == text => {}
            Some((_, known)) => text.clone_into(known),
            None => self.facts.push((attr, text.to_owned())),
        }
    }

    /// A token count, as for `Attr::UsageInputTokens`: the total so far, not an increment.
    pub fn tokens(&mut self, attr: Attr, count: u64) {
        match self.tokens.iter_mut().find(|(known, _)| *known == attr) {
            Some((_, known)) => *known = count,
            None => self.tokens.push((attr, count)),
        }
        self.usage_is_final = false;
    }

    /// The counts set before are those of the whole answer.
    pub fn usage_is_final(&mut self) {
        self.usage_is_final = true;
    }

    /// The chunk carries something of the answer. Implied by text, reasoning and tool calls.
    pub fn chunk(&mut self) {
        self.produced = true;
    }

    /// More text of a choice.
    pub fn text(&mut self, choice: usize, more: &str) {
        self.append(choice, more, |part| matches!(part, Part::Text(_)), Part::Text);
    }

    /// More reasoning of a choice.
    pub fn reasoning(&mut self, choice: usize, more: &str) {
        self.append(choice, more, |part| matches!(part, Part::Reasoning(_)), Part::Reasoning);
    }

    /// More of a tool call of a choice. `key` tells the calls of a choice apart; `arguments` is
    /// the next piece of their JSON, empty text means nothing new.
    pub fn tool_call(&mut self, choice: usize, key: u64, id: &str, name: &str, arguments: &str) {
        self.produced = true;
        let Some(choice) = choice_at(&mut self.choices, choice) else { return };
        let room = &mut self.room;
        if *room == 0 {
            return;
        }
        let known = choice.parts.iter_mut().rev().find_map(|part| match part {
            Part::ToolCall { key: known, id, name, arguments } if *known == key => {
                Some((id, name, arguments))
            }
            _ => None,
        });
        match known {
            Some((known_id, known_name, known_arguments)) => {
                if known_id.is_empty() {
                    push_within(known_id, id, room);
                }
                if known_name.is_empty() {
                    push_within(known_name, name, room);
                }
                push_within(known_arguments, arguments, room);
            }
            None => {
                *room = room.saturating_sub(PART_BYTES);
                let [mut own_id, mut own_name, mut own_arguments] = [const { String::new() }; 3];
                push_within(&mut own_id, id, room);
                push_within(&mut own_name, name, room);
                push_within(&mut own_arguments, arguments, room);
                choice.parts.push(Part::ToolCall {
                    key,
                    id: own_id,
                    name: own_name,
                    arguments: own_arguments,
                });
            }
        }
    }

    /// Why the model stopped, in the provider's or the schema's words. The answer is complete once
    /// every choice has a reason.
    pub fn finish(&mut self, choice: usize, reason: &str) {
        if let Some(choice) = choice_at(&mut self.choices, choice) {
            set(&mut choice.finish, reason);
        }
        self.speaks_of_its_end = true;
    }

    /// The provider has said its last word.
    pub fn complete(&mut self) {
        self.complete = true;
        self.speaks_of_its_end = true;
    }

    /// An end of the stream before [`Answer::finish`] or [`Answer::complete`] is a failure.
    pub fn expect_end(&mut self) {
        self.speaks_of_its_end = true;
    }

    /// The provider, or the way to it, failed. The first failure counts.
    pub fn fail(&mut self, error_type: &str, message: impl Display) {
        if self.failure.is_none() {
            self.failure = Some((error_type.to_owned(), message.to_string()));
        }
    }

    /// Whether content is kept, so that an accumulator can leave out costly work.
    #[must_use]
    pub fn keeps_content(&self) -> bool {
        self.room > 0
    }

    /// Whether the provider has said its last word.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let mut choices = self.choices.iter();
        self.complete || (choices.len() > 0 && choices.all(|choice| choice.finish.is_some()))
    }

    /// Whether nothing that could follow changes how the answer has ended.
    pub(super) fn is_settled(&self) -> bool {
        self.failure.is_some() || self.is_complete()
    }

    fn append(
        &mut self,
        choice: usize,
        more: &str,
        same: fn(&Part) -> bool,
        new: fn(String) -> Part,
    ) {
        if more.is_empty() {
            return;
        }
        self.produced = true;
        let Some(choice) = choice_at(&mut self.choices, choice) else { return };
        let room = &mut self.room;
        if *room == 0 {
            return;
        }
        if !choice.parts.last().is_some_and(same) {
            *room = room.saturating_sub(PART_BYTES);
            choice.parts.push(new(String::new()));
        }
        if let Some(Part::Text(text) | Part::Reasoning(text)) = choice.parts.last_mut() {
            push_within(text, more, room);
        }
    }

    pub(super) fn take_produced(&mut self) -> bool {
        std::mem::take(&mut self.produced)
    }

    pub(super) fn failure(&self) -> Option<&(String, String)> {
        self.failure.as_ref()
    }

    pub(super) fn ended_early(&self) -> bool {
        self.speaks_of_its_end && !self.is_complete()
    }

    /// Hands over every fact. A choice of a `broken` answer that has no finish reason gets `error`,
    /// as the conventions want it.
    pub(super) fn deliver(
        &mut self,
        broken: bool,
        begun: bool,
        mut take: impl FnMut(Attr, OtelValue),
    ) {
        if let Some(id) = self.id.take() {
            take(Attr::ResponseId, id.into());
        }
        if let Some(model) = self.model.take() {
            take(Attr::ResponseModel, model.into());
        }
        for (attr, text) in self.facts.drain(..) {
            take(attr, text.into());
        }
        for (attr, count) in self.tokens.drain(..) {
            take(attr, OtelValue::I64(i64::try_from(count).unwrap_or(i64::MAX)));
        }
        if self.choices.is_empty() && broken && begun {
            self.choices.push(Choice::new(0));
        }
        self.choices.sort_by_key(|choice| choice.index);
        if broken {
            for choice in &mut self.choices {
                choice.finish.get_or_insert_with(|| "error".to_owned());
            }
        }
        let reasons: Vec<StringValue> = self
            .choices
            .iter()
            .filter_map(|choice| choice.finish.clone().map(StringValue::from))
            .collect();
        if !reasons.is_empty() {
            take(Attr::ResponseFinishReasons, OtelValue::Array(Array::String(reasons)));
        }
        if self.choices.iter().any(|choice| !choice.parts.is_empty()) {
            let messages: Vec<Value> = self.choices.drain(..).map(Choice::into_message).collect();
            take(Attr::OutputMessages, Value::Array(messages).to_string().into());
        }
    }

    /// Whether counts were reported that are not those of the whole answer.
    pub(super) fn usage_is_partial(&self) -> bool {
        !self.tokens.is_empty() && !self.usage_is_final
    }
}

impl Choice {
    fn new(index: usize) -> Self {
        Self { index, finish: None, parts: Vec::new() }
    }

    fn into_message(self) -> Value {
        let called = self.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        let finish = self
            .finish
            .unwrap_or_else(|| if called { "tool_call".to_owned() } else { "stop".to_owned() });
        let parts: Vec<Value> = self.parts.into_iter().map(Part::into_json).collect();
        json!({ "role": "assistant", "parts": parts, "finish_reason": finish })
    }
}

impl Part {
    fn into_json(self) -> Value {
        match self {
            Self::Text(content) => json!({ "type": "text", "content": content }),
            Self::Reasoning(content) => json!({ "type": "reasoning", "content": content }),
            Self::ToolCall { id, name, arguments, .. } => {
                // Arguments that were cut off are text and not JSON.
                let arguments = if arguments.is_empty() {
                    json!({})
                } else {
                    serde_json::from_str(&arguments).unwrap_or(Value::String(arguments))
                };
                let mut part = json!({ "type": "tool_call", "name": name, "arguments": arguments });
                if !id.is_empty() {
                    part["id"] = Value::String(id);
                }
                part
            }
        }
    }
}

/// A value that most chunks repeat is copied once.
fn set(slot: &mut Option<String>, text: &str) {
    if slot.as_deref() != Some(text) && !text.is_empty() {
        *slot = Some(text.to_owned());
    }
}

fn choice_at(choices: &mut Vec<Choice>, at: usize) -> Option<&mut Choice> {
    let found = choices.iter().position(|choice| choice.index == at);
    let found = match found {
        Some(found) => found,
        None if choices.len() < MOST_CHOICES => {
            choices.push(Choice::new(at));
            choices.len() - 1
        }
        None => return None,
    };
    choices.get_mut(found)
}

/// Appends as many whole characters as there is room for.
fn push_within(text: &mut String, more: &str, room: &mut usize) {
    let mut end = more.len().min(*room);
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(&more[..end]);
    *room = if end < more.len() { 0 } else { *room - end };
}

impl fmt::Debug for Answer {
    /// Without content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("tokens", &self.tokens)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
