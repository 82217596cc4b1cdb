"""What `agent.rs` did, span by span in the order of their starts: the facts a backend must show.

Messages are `[role, text, [[tool, arguments], …]]`. A fact that is not listed is not compared.
"""

QUESTION = "Do I need an umbrella in Lisbon?"
ANSWER = "Yes, take one: light rain is expected in Lisbon."
INSTRUCTIONS = "You answer in one sentence."
NOTE = "In November it rains on half of the days."
THANKS, WELCOME = "Thank you, umbrella man.", "You are welcome."
AGAIN, DRY = "And tomorrow?", "Tomorrow is dry."
WEATHER = {"sky": "light rain", "celsius": 17}
CALLS = [["get_weather", {"city": "Lisbon"}], ["get_tides", {"port": "Lisbon"}]]

# Nothing of this may be found anywhere when content is not captured.
CONTENT = ["umbrella", "Lisbon", "one sentence", "November", "tomorrow", "light rain", "is dry"]
# Facts that are content.
CONTENT_FACTS = {"input", "output", "messages_in", "messages_out", "documents", "tools"}

AGENT, WORKFLOW = "invoke_agent weather-assistant", "invoke_workflow answer-again"

# Dollars for a million tokens. Not those of the backends' own tables: so one sees whose count.
CHAT_PRICES = {"input": 0.30, "output": 1.20, "cache_read": 0.15}
PRICES = {
    "gpt-4o-mini": CHAT_PRICES,
    "gpt-4o-mini-2024-07-18": CHAT_PRICES,
    "text-embedding-3-small": {"input": 0.04, "output": 0},
}


def model_call(**facts):
    return {"name": "chat gpt-4o-mini", "kind": "LLM", "status": "ok", "provider": "openai"} | facts


FIRST_TURN = [
    {"name": AGENT, "kind": "AGENT", "parent": None, "status": "ok", "input": QUESTION,
     "output": ANSWER, "agent": "weather-assistant"},
    {"name": "embeddings text-embedding-3-small", "kind": "EMBEDDING", "parent": AGENT,
     "status": "ok", "model": "text-embedding-3-small", "provider": "openai", "input": QUESTION,
     "input_tokens": 8, "total_tokens": 8, "cost": 0.00000032},
    {"name": "retrieval climate-notes", "kind": "RETRIEVER", "parent": AGENT, "status": "ok",
     "input": QUESTION, "documents": [["note-3", 0.83, NOTE]]},
    model_call(
        parent=AGENT, model="gpt-4o-mini-2024-07-18", input_tokens=182, output_tokens=19,
        total_tokens=201, cached_tokens=64, cost=0.0000678,
        messages_in=[["system", INSTRUCTIONS, []], ["user", QUESTION, []]],
        messages_out=[["assistant", "", CALLS]], tools=["get_weather", "get_tides"],
        parameters={"temperature": 0.2, "max_tokens": 256},
    ),
    {"name": "execute_tool get_weather", "kind": "TOOL", "parent": AGENT, "status": "ok",
     "tool": "get_weather", "input": {"city": "Lisbon"}, "output": WEATHER},
    {"name": "execute_tool get_tides", "kind": "TOOL", "parent": AGENT, "status": "error",
     "tool": "get_tides", "input": {"port": "Lisbon"}, "output": None,
     "error": "the tide service did not answer"},
    model_call(
        parent=AGENT, model="gpt-4o-mini-2024-07-18", input_tokens=231, output_tokens=24,
        total_tokens=255, reasoning_tokens=10, cost=0.0000981,
        messages_in=[
            ["system", INSTRUCTIONS, []], ["user", QUESTION, []], ["assistant", "", CALLS],
            ["tool", WEATHER, []], ["tool", "timeout", []],
        ],
        messages_out=[["assistant", ANSWER, []]],
    ),
]

SECOND_TURN = [
    {"name": "POST /chat", "kind": None, "parent": None, "status": "ok"},
    {"name": WORKFLOW, "kind": "CHAIN", "parent": "POST /chat", "status": "ok", "input": AGAIN,
     "output": DRY},
    {"name": "chat claude-sonnet-4-5", "kind": "LLM", "parent": WORKFLOW, "status": "error",
     "model": "claude-sonnet-4-5", "provider": "anthropic", "input_tokens": None, "cost": None,
     "messages_in": [["user", AGAIN, []]], "messages_out": [], "error_type": "429"},
    model_call(
        parent=WORKFLOW, model="gpt-4o-mini", input_tokens=12, output_tokens=5, total_tokens=17,
        cost=0.0000096, messages_in=[["user", AGAIN, []]], messages_out=[["assistant", DRY, []]],
    ),
]

THIRD_TURN = [
    {"name": "POST /chat", "kind": "CHAIN", "parent": None, "status": "ok", "input": THANKS,
     "output": WELCOME},
]

# Of a whole trace; `input` and `output` are what its line in the list shows.
TRACES = [
    {"name": "first trace", "input": QUESTION, "output": ANSWER, "tokens": 464,
     "cost": 0.00016622, "user": "user-42"},
    {"name": "second trace", "input": None, "output": None, "tokens": 17, "cost": 0.0000096,
     "user": "user-42"},
    {"name": "third trace", "input": THANKS, "output": WELCOME, "cost": None,
     "user": "user-42"},
]


def expected(conversation, captured):
    """All rows: spans of all turns, then the traces."""
    spans = FIRST_TURN + SECOND_TURN + THIRD_TURN
    whose = {"session": conversation, "user": "user-42"}
    rows = [span | (whose if span["kind"] else {}) for span in spans]
    rows += [trace | {"session": conversation} for trace in TRACES]
    if not captured:
        for row in rows:
            row.update({fact: None for fact in CONTENT_FACTS & row.keys()})
    return rows
