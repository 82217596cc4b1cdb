"""Arize Phoenix: spans by its REST API, sessions and costs by GraphQL."""

import message
from server import Server

SESSIONS = """query ($id: ID!) { node(id: $id) { ... on Project {
  sessions(first: 10) { edges { node { sessionId numTraces tokenUsage { total } traces(first: 10) {
    edges { node { traceId rootSpan { input { value } output { value } cumulativeTokenCountTotal }
      costSummary { total { cost } } } } } } } } } } }"""
COSTS = """query ($id: ID!) { node(id: $id) { ... on Project {
  spans(first: 100) { edges { node { spanId costSummary { total { cost } } } } } } } }"""


class Phoenix(Server):
    name = "phoenix"
    health = "/healthz"
    protocols = ["http/protobuf", "grpc"]

    def command(self):
        return [self.program("phoenix"), "serve"]

    def own_variables(self):
        return {
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            # gRPC has no setting for the address: Phoenix listens on all of them.
            "PHOENIX_GRPC_PORT": str(self.grpc_port),
            "PHOENIX_WORKING_DIR": str(self.data),
        }

    def destination(self, run):
        port = self.grpc_port if run.protocol == "grpc" else self.port
        return at(f"http://127.0.0.1:{port}") | {"PHOENIX_PROJECT_NAME": run.name}

    def mistakes(self):
        """What is wrong, the environment of it, what the doctor must say."""
        grpc = f"http://127.0.0.1:{self.grpc_port}"
        return [
            ("nothing", at(self.base), "takes spans"),
            ("path", at(self.base + "/otlp"), "Wrong path"),
            ("gRPC to the HTTP port", at(self.base) | {"TRACING_GENAI_PROTOCOL": "grpc"},
             "set protocol to http/protobuf"),
            ("HTTP to the gRPC port", at(grpc), "set protocol to grpc"),
            ("https", at(self.base.replace("http", "https")), "is this port plain http?"),
        ]

    def read(self, run):
        """Rows as in `expected.py`, and all that was read, for the search for content."""
        projects = self.ask("/v1/projects")["data"]
        project = next((one["id"] for one in projects if one["name"] == run.name), None)
        if project is None:
            return [], []
        spans = self.ask(f"/v1/projects/{project}/spans?limit=100")["data"]
        costs = self.graph(COSTS, project)["spans"]["edges"]
        costs = {edge["node"]["spanId"]: cost(edge["node"]) for edge in costs}
        spans.sort(key=lambda span: span["start_time"])
        names = {span["context"]["span_id"]: span["name"] for span in spans}
        rows = [row(span, names, costs) for span in spans]
        sessions = self.graph(SESSIONS, project)["sessions"]["edges"]
        traces = {
            t["node"]["traceId"]: (s["node"]["sessionId"], t["node"])
            for s in sessions for t in s["node"]["traces"]["edges"]
        }
        order = dict.fromkeys(span["context"]["trace_id"] for span in spans)
        rows += [trace_row(*traces.get(trace, (None, {})), spans, trace) for trace in order]
        return rows, [spans, sessions]

    def graph(self, query, project):
        answer = self.ask("/graphql", {"query": query, "variables": {"id": project}})
        if answer.get("errors"):
            raise SystemExit(f"phoenix: {answer['errors']}")
        return answer["data"]["node"]

    def pages(self, run):
        projects = self.ask("/v1/projects")["data"]
        project = next(one["id"] for one in projects if one["name"] == run.name)
        return [f"{self.base}/projects/{project}/{page}" for page in ("spans", "sessions")]


def at(address):
    return {"PHOENIX_COLLECTOR_ENDPOINT": address}


def row(span, names, costs):
    said = span["attributes"]
    kind = span["span_kind"]
    exceptions = [event["attributes"] for event in span["events"] if event["name"] == "exception"]
    return {
        "name": span["name"],
        "kind": None if kind == "UNKNOWN" else kind,
        "parent": names.get(span["parent_id"]),
        "status": "error" if span["status_code"] == "ERROR" else "ok",
        "error": span["status_message"] or None,
        "error_type": exceptions[0]["exception.type"] if exceptions else None,
        "input": message.value(said.get("input.value")),
        "output": message.value(said.get("output.value")),
        "messages_in": flat_messages(said, "llm.input_messages."),
        "messages_out": flat_messages(said, "llm.output_messages."),
        "model": said.get("llm.model_name") or said.get("embedding.model_name"),
        "provider": said.get("llm.provider"),
        "input_tokens": said.get("llm.token_count.prompt"),
        "output_tokens": said.get("llm.token_count.completion"),
        "total_tokens": said.get("llm.token_count.total"),
        "cached_tokens": said.get("llm.token_count.prompt_details.cache_read"),
        "reasoning_tokens": said.get("llm.token_count.completion_details.reasoning"),
        "cost": costs.get(span["context"]["span_id"]),
        "parameters": message.loads(said.get("llm.invocation_parameters")),
        "session": said.get("session.id"),
        "user": said.get("user.id"),
        "agent": said.get("agent.name"),
        "tool": said.get("tool.name"),
        "tools": tools(said),
        "documents": documents(said),
    }


def trace_row(session, trace, spans, trace_id):
    root = trace.get("rootSpan") or {}
    users = [s["attributes"].get("user.id") for s in spans if s["context"]["trace_id"] == trace_id]
    return {
        "session": session,
        "user": next((user for user in users if user), None),
        "input": message.value((root.get("input") or {}).get("value")),
        "output": message.value((root.get("output") or {}).get("value")),
        "tokens": root.get("cumulativeTokenCountTotal"),
        "cost": cost(trace),
    }


def cost(node):
    return ((node.get("costSummary") or {}).get("total") or {}).get("cost")


def indices(said, namespace):
    found = {key[len(namespace):].split(".")[0] for key in said if key.startswith(namespace)}
    return sorted(found, key=int)


def flat_messages(said, namespace):
    rows = []
    for index in indices(said, namespace):
        base = f"{namespace}{index}.message."
        text = said.get(base + "content", "")
        calls = [
            [said[f"{base}tool_calls.{call}.tool_call.function.name"],
             message.loads(said[f"{base}tool_calls.{call}.tool_call.function.arguments"])]
            for call in indices(said, base + "tool_calls.")
        ]
        rows.append([said.get(base + "role"), message.loads(text), calls])
    return rows or None


def tools(said):
    schemas = [
        message.loads(said[f"llm.tools.{index}.tool.json_schema"])
        for index in indices(said, "llm.tools.")
    ]
    return [schema["function"]["name"] for schema in schemas] or None


def documents(said):
    base = "retrieval.documents."
    return [
        [said.get(f"{base}{index}.document.{leaf}") for leaf in ("id", "score", "content")]
        for index in indices(said, base)
    ] or None
