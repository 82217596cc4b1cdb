"""Differences that are the backend's, each with its reason: what is not in here fails the run.

A row that no longer fits anything fails the run, too: the backend has learnt something.
"""

from fnmatch import fnmatchcase

# Any value at all.
ANY = object()

GEN_AI, OPEN_INFERENCE, EVERY = "gen_ai", "open_inference", "*"

# Backend, format, name of the span or trace, fact, what is seen, why.
KNOWN = [
    ("phoenix", EVERY, "chat gpt-4o-mini", "cost", ANY,
     "Phoenix prices by a table of its own (Settings, Models) and reads no cost of ours."),
    ("phoenix", EVERY, "embeddings *", "cost", None, "Phoenix prices LLM spans only."),
    ("phoenix", EVERY, "* trace", "cost", ANY, "The sum of those."),
    ("phoenix", EVERY, "first trace", "tokens", 456, "Phoenix adds up LLM spans only."),
    ("phoenix", OPEN_INFERENCE, "embeddings *", "provider", None,
     "OpenInference keeps llm.* off embeddings; the provider is in the metadata."),
    ("phoenix", GEN_AI, "*", "input", None,
     "Phoenix makes input.value of a retrieval's query only. Messages of an LLM it shows."),
    ("phoenix", GEN_AI, "*", "output", None,
     "Phoenix makes output.value of a tool's result only, and a stub of id and model for an LLM."),
    ("phoenix", GEN_AI, "invoke_workflow *", "kind", None, "Phoenix does not know the operation."),
    ("phoenix", GEN_AI, "POST /chat", "kind", None, "The same operation under another name."),
    ("phoenix", GEN_AI, "invoke_agent *", "agent", None, "Phoenix reads agent.name only."),
    ("phoenix", GEN_AI, "chat gpt-4o-mini", "model", "gpt-4o-mini",
     "Phoenix takes the model that was asked for, not the one that answered."),
    ("phoenix", GEN_AI, "chat gpt-4o-mini", "reasoning_tokens", None,
     "Phoenix does not read gen_ai.usage.reasoning.output_tokens."),
    ("phoenix", GEN_AI, "embeddings *", "total_tokens", None,
     "Phoenix adds input and output up only where there are both."),
    ("phoenix", GEN_AI, "chat claude*", "error_type", None,
     "Phoenix shows exception events, which the conventions no longer have on spans; error.type "
     "is among the attributes."),

    ("mlflow", OPEN_INFERENCE, "embeddings *", "provider", None,
     "OpenInference keeps llm.* off embeddings; the provider is in the metadata."),
    ("mlflow", OPEN_INFERENCE, "chat gpt-4o-mini", "tools", None, "MLflow does not read llm.tools."),
    ("mlflow", GEN_AI, "retrieval *", "kind", None, "MLflow does not know the operation."),
    ("mlflow", GEN_AI, "retrieval *", "input", None, "MLflow reads messages and tool calls only."),
    ("mlflow", GEN_AI, "retrieval *", "documents", None,
     "MLflow reads messages and tool calls only."),
    ("mlflow", GEN_AI, "invoke_workflow *", "kind", None, "MLflow does not know the operation."),
    ("mlflow", GEN_AI, "POST /chat", "kind", None, "The same operation under another name."),
    ("mlflow", GEN_AI, "chat gpt-4o-mini", "messages_in", ANY,
     "MLflow does not read gen_ai.system_instructions."),
    ("mlflow", GEN_AI, "embeddings *", "total_tokens", None,
     "MLflow adds input and output up only where there are both."),
    ("mlflow", GEN_AI, "first trace", "tokens", 456, "The sum of the spans' totals."),
    ("mlflow", GEN_AI, "*", "cost", ANY,
     "MLflow prices by a table of its own, unless a span has mlflow.llm.cost. `backend: mlflow` "
     "makes it of the cost in the two other formats."),
    ("mlflow", GEN_AI, "chat claude*", "error_type", None,
     "As in Phoenix: the conventions have no exception event on spans."),
]


def reason(run, name, fact, seen):
    """The row that explains a difference, if there is one."""
    for row in KNOWN:
        backend, form, span, known_fact, known_seen, _ = row
        if (
            (backend, known_fact) == (run.backend, fact)
            and form in (EVERY, run.format)
            and fnmatchcase(name, span)
            and known_seen in (ANY, seen)
        ):
            return row
    return None
