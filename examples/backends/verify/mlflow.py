"""MLflow: traces by its REST API, spans by the one its own pages use."""

import message
from server import Server

KINDS = {"CHAT_MODEL": "LLM", "UNKNOWN": None}


class MLflow(Server):
    name = "mlflow"
    health = "/health"
    # Job workers, which take a gigabyte, are not for traces.
    variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def command(self):
        return [
            self.program("mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{self.data}/mlflow.db",
            "--artifacts-destination", str(self.data / "artifacts"),
        ]

    def destination(self, run):
        created = self.ask("/api/2.0/mlflow/experiments/create", {"name": run.name})
        self.experiments = getattr(self, "experiments", {}) | {run.name: created["experiment_id"]}
        return at(self.base) | {"MLFLOW_EXPERIMENT_ID": created["experiment_id"]}

    def mistakes(self):
        """What is wrong, the environment of it, what the doctor must say; another file."""
        without = self.data / "without-experiment.yaml"
        without.write_text(f"backend: mlflow\nendpoint: {self.base}\n")
        return [
            ("nothing", at(self.base), "takes spans"),
            ("path", at(self.base + "/api"), "Wrong path"),
            ("no experiment", {}, "x-mlflow-experiment-id", without),
            # The doctor sends no spans, and MLflow looks the experiment up for those only.
            ("unknown experiment", at(self.base) | {"MLFLOW_EXPERIMENT_ID": "9"}, "takes spans"),
            ("gRPC", at(self.base) | {"TRACING_GENAI_PROTOCOL": "grpc"}, "has no gRPC endpoint"),
        ]

    def read(self, run):
        experiment = {"experiment_id": self.experiments[run.name]}
        where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": experiment}
        found = self.ask("/api/3.0/mlflow/traces/search", {"locations": [where]})
        traces = []
        for trace in found.get("traces", []):
            path = "/ajax-api/3.0/mlflow/get-trace-artifact?request_id=" + trace["trace_id"]
            spans = sorted(self.ask(path)["spans"], key=started)
            traces.append((spans, trace))
        # The time of a trace itself is in milliseconds, too coarse for an order.
        traces.sort(key=lambda pair: started(pair[0][0]))
        rows = []
        for spans, _ in traces:
            names = {span["span_id"]: span["name"] for span in spans}
            rows += [row(span, names) for span in spans]
        return rows + [trace_row(trace) for _, trace in traces], traces

    def pages(self, run):
        base = f"{self.base}/#/experiments/{self.experiments[run.name]}"
        return [f"{base}/traces", f"{base}/chat-sessions"]


def at(address):
    return {"MLFLOW_TRACKING_URI": address}


def started(span):
    return span["start_time_unix_nano"]


def row(span, names):
    # Attributes are JSON texts.
    said = {key: message.loads(text) for key, text in span["attributes"].items()}
    kind = said.get("mlflow.spanType")
    code = span["status"]["code"]
    inputs, outputs = said.get("mlflow.spanInputs"), said.get("mlflow.spanOutputs")
    usage = said.get("mlflow.chat.tokenUsage") or {}
    events = [event["attributes"] for event in span["events"] if event["name"] == "exception"]
    tools = said.get("mlflow.chat.tools") or []
    return {
        "name": span["name"],
        "kind": KINDS.get(kind, kind),
        "parent": names.get(span.get("parent_span_id")),
        "status": "error" if code == "STATUS_CODE_ERROR" else "ok",
        "error": span["status"]["message"] or None,
        "error_type": events[0].get("exception.type") if events else None,
        "input": message.value(inputs),
        "output": message.value(outputs),
        "messages_in": message.messages(inputs) or None,
        "messages_out": message.messages(outputs) or None,
        "model": said.get("mlflow.llm.model"),
        "provider": said.get("mlflow.llm.provider"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "cached_tokens": usage.get("cache_read_input_tokens"),
        "cost": (said.get("mlflow.llm.cost") or {}).get("total_cost"),
        "tools": [tool.get("function", tool)["name"] for tool in tools] or None,
        "documents": documents(outputs) if kind == "RETRIEVER" else None,
    }


def trace_row(trace):
    said = {key: message.loads(text) for key, text in trace["trace_metadata"].items()}
    return {
        "session": said.get("mlflow.trace.session"),
        "user": said.get("mlflow.trace.user"),
        "input": message.value(message.loads(trace.get("request_preview"))),
        "output": message.value(message.loads(trace.get("response_preview"))),
        "tokens": said.get("mlflow.trace.tokenUsage", {}).get("total_tokens"),
        "cost": said.get("mlflow.trace.cost", {}).get("total_cost"),
    }


def documents(outputs):
    read = outputs if isinstance(outputs, list) else []
    return [[doc.get("id"), doc.get("score"), doc.get("content")] for doc in read] or None
