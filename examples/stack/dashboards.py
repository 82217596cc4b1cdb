#!/usr/bin/env python3
"""Writes the dashboards in grafana/dashboards: one for the names of 1.41, one for the latest names.

What they share is here once; what differs is in NAMES. `./dashboards.py --check` fails where the files
are not what this script writes.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
TEMPO = {"type": "tempo", "uid": "tempo"}

# What is chosen at the top of the dashboard.
CALLS = 'job=~"$service", gen_ai_provider_name=~"$provider", gen_ai_request_model=~"$model"'
SERVICE = 'job=~"$service"'
# In 1.41 one metric has the durations of all client operations: these are no inferences.
NO_INFERENCE = "embeddings|retrieval|fetch_response|create_agent|invoke_agent|.*memory.*"

NAMES = {
    "1.41": {
        "duration": ("gen_ai_client_operation_duration_seconds", f', gen_ai_operation_name!~"{NO_INFERENCE}"'),
        "first_chunk": "gen_ai_client_operation_time_to_first_chunk_seconds",
        "chunk": "gen_ai_client_operation_time_per_output_chunk_seconds",
        "tokens": [
            ("gen_ai_client_token_usage_sum", ', gen_ai_token_type="input"', "input"),
            ("gen_ai_client_token_usage_sum", ', gen_ai_token_type="output"', "output"),
        ],
        "tokens_per_call": [
            ("gen_ai_client_token_usage", ', gen_ai_token_type="input"', "input"),
            ("gen_ai_client_token_usage", ', gen_ai_token_type="output"', "output"),
        ],
    },
    "latest": {
        "duration": ("gen_ai_client_inference_duration_seconds", ""),
        "first_chunk": "gen_ai_client_inference_time_to_first_chunk_seconds",
        "chunk": "gen_ai_client_inference_time_per_output_chunk_seconds",
        "tokens": [
            ("gen_ai_client_inference_usage_input_tokens_total", "", "input"),
            ("gen_ai_client_inference_usage_output_tokens_total", "", "output"),
            ("gen_ai_client_inference_usage_cache_read_input_tokens_total", "", "of input: read from a cache"),
            ("gen_ai_client_inference_usage_cache_write_input_tokens_total", "", "of input: written to a cache"),
            ("gen_ai_client_inference_usage_reasoning_output_tokens_total", "", "of output: reasoning"),
        ],
        "tokens_per_call": [
            ("gen_ai_client_inference_operation_input_tokens", "", "input"),
            ("gen_ai_client_inference_operation_output_tokens", "", "output"),
        ],
    },
}

RATE = "[$__rate_interval]"
RANGE = "[$__range]"
MODEL = "gen_ai_provider_name, gen_ai_request_model"
BY_MODEL = "{{gen_ai_provider_name}} {{gen_ai_request_model}}"


def rate(name, more="", by="", over=RATE, of="rate", select=CALLS):
    by = f" by ({by})" if by else ""
    return f"sum{by} ({of}({name}{{{select}{more}}}{over}))"


def increase(name, more="", by=""):
    return rate(name, more, by, RANGE, "increase")


def quantile(q, name, more="", by="", over=RATE, select=CALLS):
    by = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {rate(name + '_bucket', more, by, over, select=select)})"


class Dashboard:
    """Panels from left to right, a new line where the width of 24 is full."""

    def __init__(self):
        self.panels, self.x, self.y, self.height = [], 0, 0, 0

    def place(self, width, height):
        if self.x + width > 24:
            self.x, self.y, self.height = 0, self.y + self.height, 0
        position = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x, self.height = self.x + width, max(self.height, height)
        return position

    def row(self, title):
        self.x, self.y, self.height = 0, self.y + self.height, 0
        self.add("row", title, 24, 1, collapsed=False, panels=[])
        self.x, self.y, self.height = 0, self.y + 1, 0

    def add(self, kind, title, width, height, **more):
        panel = {"id": len(self.panels) + 1, "type": kind, "title": title, "gridPos": self.place(width, height)}
        self.panels.append(panel | more)

    def metrics(self, kind, title, width, height, targets, unit="short", text="", stack=False, **options):
        instant = kind != "timeseries" and kind != "heatmap"
        form = {"heatmap": "heatmap", "table": "table"}.get(kind, "time_series")
        targets = [
            {
                "refId": chr(ord("A") + at), "datasource": PROMETHEUS, "expr": expr, "legendFormat": legend,
                "instant": instant, "range": not instant, "format": form, "editorMode": "code",
            }
            for at, (expr, legend) in enumerate(targets)
        ]
        defaults = {"unit": unit, "min": 0}
        if kind == "timeseries":
            stacking = {"mode": "normal" if stack else "none", "group": "A"}
            defaults["custom"] = {"fillOpacity": 25 if stack else 8, "stacking": stacking, "showPoints": "never"}
            options = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
                       "tooltip": {"mode": "multi", "sort": "desc"}} | options
        elif kind in ("stat", "bargauge"):
            reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            options = {"reduceOptions": reduced, "orientation": "horizontal" if kind == "bargauge" else "auto"} | options
        overrides = options.pop("overrides", [])
        more = {"transformations": options.pop("transformations")} if "transformations" in options else {}
        self.add(kind, title, width, height, description=text, datasource=PROMETHEUS, targets=targets,
                 fieldConfig={"defaults": defaults, "overrides": overrides}, options=options, **more)

    def traces(self, title, query, width=24, height=8, text=""):
        target = {"refId": "A", "datasource": TEMPO, "queryType": "traceql", "query": query, "limit": 20,
                  "tableType": "traces"}
        self.add("table", title, width, height, description=text, datasource=TEMPO, targets=[target],
                 fieldConfig={"defaults": {}, "overrides": []}, options={"showHeader": True})


def build(version):
    names = NAMES[version]
    duration, inference = names["duration"]
    requests, errors = "tracing_genai_client_requests_total", "tracing_genai_client_errors_total"
    cost = "tracing_genai_client_cost_total"
    in_out = names["tokens"][:2]
    it = Dashboard()

    def no_errors(by=""):
        ours = rate(errors, by=by)
        return f"({ours} or {rate(requests, by=by)} * 0) / {rate(requests, by=by)}"

    def both(make, by=""):
        """Input and output together: every call with one has the other, if only as zero."""
        parts = [make(name, more, by) for name, more, _ in in_out]
        return f"{parts[0]} + ({parts[1]} or {parts[0]} * 0)"

    it.row("At a glance")
    it.metrics("stat", "Calls", 4, 4, [(rate(requests), "")], "reqps")
    it.metrics("stat", "Errors", 4, 4, [(no_errors(), "")], "percentunit")
    it.metrics("stat", "Duration, p95", 4, 4, [(quantile(0.95, duration, inference), "")], "s")
    it.metrics("stat", "First chunk, p95", 4, 4, [(quantile(0.95, names["first_chunk"]), "")], "s")
    it.metrics("stat", "Tokens", 4, 4, [(both(increase), "")], "short", "In the time range, input and output.")
    it.metrics("stat", "Cost", 4, 4, [(increase(cost), "")], "currencyUSD", "In the time range.")

    it.row("Calls")
    it.metrics("timeseries", "Calls by model", 12, 8, [(rate(requests, by=MODEL), BY_MODEL)], "reqps", stack=True)
    it.metrics("timeseries", "Calls by operation", 12, 8,
               [(rate(requests, by="gen_ai_operation_name"), "{{gen_ai_operation_name}}")], "reqps", stack=True)
    it.metrics("timeseries", "Errors by type", 12, 8,
               [(rate(errors, by="error_type, http_response_status_code"),
                 "{{error_type}} {{http_response_status_code}}")], "reqps", stack=True)
    it.metrics("timeseries", "Error ratio by model", 12, 8, [(no_errors(MODEL), BY_MODEL)], "percentunit")

    it.row("Time")
    it.metrics("timeseries", "Duration", 8, 8,
               [(quantile(q, duration, inference), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)], "s",
               "The last bucket of the conventions ends at 81.92 s; what takes longer reads as that.")
    it.metrics("timeseries", "Duration by model, p95", 8, 8,
               [(quantile(0.95, duration, inference, MODEL), BY_MODEL)], "s")
    it.metrics("heatmap", "Durations", 8, 8, [(rate(duration + "_bucket", inference, "le", of="increase"), "{{le}}")],
               "s", calculate=False, yAxis={"unit": "s"}, color={"mode": "scheme", "scheme": "Blues"})
    it.metrics("timeseries", "Time to first chunk", 8, 8,
               [(quantile(q, names["first_chunk"]), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)], "s",
               "Streamed calls.")
    it.metrics("timeseries", "Time to first chunk by model, p95", 8, 8,
               [(quantile(0.95, names["first_chunk"], by=MODEL), BY_MODEL)], "s")
    it.metrics("timeseries", "Time between chunks", 8, 8,
               [(quantile(q, names["chunk"]), f"p{q * 100:.0f}") for q in (0.5, 0.95)], "s")

    it.row("Tokens")
    it.metrics("timeseries", "Tokens by type, per second", 8, 8,
               [(rate(name, more), legend) for name, more, legend in names["tokens"]],
               text="Input includes what a cache gave and took, output includes reasoning." if version == "latest"
               else "The conventions of 1.41 have no metric for cached and reasoning tokens; spans have them.")
    it.metrics("timeseries", "Tokens by model, per second", 8, 8, [(both(rate, MODEL), BY_MODEL)], stack=True)
    it.metrics("timeseries", "Tokens of one call", 8, 8,
               [(quantile(q, name, more), f"{legend} p{q * 100:.0f}")
                for name, more, legend in names["tokens_per_call"] for q in (0.5, 0.95)])
    it.metrics("timeseries", "Calls that read from a provider's cache", 8, 8,
               [(f"({rate('tracing_genai_client_cache_hits_total', by=MODEL)} or {rate(requests, by=MODEL)} * 0)"
                 f" / {rate(requests, by=MODEL)}", BY_MODEL)], "percentunit")

    it.row("Cost")
    it.metrics("timeseries", "Cost per hour", 8, 8, [(f"{rate(cost, by=MODEL)} * 3600", BY_MODEL)], "currencyUSD",
               "What the application recorded, else by the price table.", stack=True)
    it.metrics("bargauge", "Cost by model", 8, 8, [(increase(cost, by=MODEL), BY_MODEL)], "currencyUSD",
               "In the time range.")
    it.metrics("timeseries", "Cost of a thousand calls", 8, 8,
               [(f"1000 * {rate(cost, by=MODEL)} / {rate(requests, by=MODEL)}", BY_MODEL)], "currencyUSD")
    columns = {
        "gen_ai_provider_name": "Provider", "gen_ai_request_model": "Model", "Value #A": "Calls", "Value #B": "Errors",
        "Value #C": "Duration, p95", "Value #D": "Tokens", "Value #E": "Cost",
    }
    units = {"Errors": "percentunit", "Duration, p95": "s", "Cost": "currencyUSD", "Calls": "short", "Tokens": "short"}
    it.metrics(
        "table", "Models", 24, 8,
        [(increase(requests, by=MODEL), ""),
         (f"({increase(errors, by=MODEL)} or {increase(requests, by=MODEL)} * 0) / {increase(requests, by=MODEL)}", ""),
         (quantile(0.95, duration, inference, MODEL, RANGE), ""),
         (both(increase, MODEL), ""),
         (increase(cost, by=MODEL), "")],
        text="In the time range.",
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {
                "excludeByName": {"Time": True}, "renameByName": columns,
                "indexByName": {name: at for at, name in enumerate(columns)}}},
        ],
        overrides=[{"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
                   for name, unit in units.items()],
    )

    if version == "latest":
        it.row("Agents, tools and workflows")
        agent, tool, workflow = "gen_ai_invoke_agent", "gen_ai_execute_tool", "gen_ai_invoke_workflow"
        def p95(name, by):
            return [(quantile(0.95, f"{name}_duration_seconds", by=by, select=SERVICE), f"{{{{{by}}}}}")]
        it.metrics("timeseries", "Duration of agents, p95", 8, 8, p95(agent, "gen_ai_agent_name"), "s")
        it.metrics("timeseries", "Calls in one run of an agent", 8, 8, [
            (f"{rate(f'{agent}_{kind}_calls_sum', by='gen_ai_agent_name', select=SERVICE)}"
             f" / {rate(f'{agent}_{kind}_calls_count', by='gen_ai_agent_name', select=SERVICE)}",
             "{{gen_ai_agent_name}}: " + kind) for kind in ("inference", "tool")])
        it.metrics("timeseries", "Duration of tools, p95", 8, 8, p95(tool, "gen_ai_tool_name"), "s")
        it.metrics("timeseries", "Tool calls", 12, 8,
                   [(rate(f"{tool}_duration_seconds_count", by="gen_ai_tool_name, error_type", select=SERVICE),
                     "{{gen_ai_tool_name}} {{error_type}}")], "reqps", stack=True)
        it.metrics("timeseries", "Duration of workflows, p95", 12, 8, p95(workflow, "gen_ai_workflow_name"), "s")

    it.row("Inbound HTTP")
    http = "http_server_request_duration_seconds"
    it.metrics("timeseries", "Requests by route", 12, 8,
               [(rate(f"{http}_count", by="http_route, http_response_status_code", select=SERVICE),
                 "{{http_route}} {{http_response_status_code}}")], "reqps", "Needs the feature `tower`.", stack=True)
    it.metrics("timeseries", "Duration by route, p95", 12, 8,
               [(quantile(0.95, http, by="http_route", select=SERVICE), "{{http_route}}")], "s")

    it.row("Traces")
    ours = 'resource.service.name =~ "${service:pipe}" && span.gen_ai.operation.name != nil'
    facts = ("select(span.gen_ai.operation.name, span.gen_ai.request.model, span.gen_ai.usage.input_tokens, "
             "span.gen_ai.usage.output_tokens, span.gen_ai.usage.cost)")
    it.traces("Latest", f"{{ {ours} }} | {facts}")
    it.traces("Failed", f"{{ {ours} && status = error }} | select(span.error.type, span.gen_ai.request.model)", 12)
    it.traces("Slow", f"{{ {ours} && duration > 10s }} | {facts}", 12)

    it.row("The telemetry itself")
    it.metrics("timeseries", "Spans and points through the Collector", 8, 8, [
        ("sum(rate(otelcol_receiver_accepted_spans_total[$__rate_interval]))", "spans in"),
        ("sum(rate(otelcol_exporter_sent_spans_total[$__rate_interval]))", "spans out"),
        ("sum(rate(otelcol_receiver_accepted_metric_points_total[$__rate_interval]))", "points in"),
        ("sum(rate(otelcol_exporter_sent_metric_points_total[$__rate_interval]))", "points out")])
    it.metrics("timeseries", "Lost, per second", 8, 8, [("instance:otelcol_lost:rate5m", "{{instance}}")],
               text="Refused at the door, or taken by no destination. What a process drops itself stands in its "
               "Telemetry::status().")
    it.metrics("timeseries", "Queues", 8, 8, [("instance:otelcol_queue:ratio", "{{instance}} {{exporter}}")],
               "percentunit")
    it.metrics("timeseries", "Series by service", 12, 8,
               [('count by (job) ({__name__=~"gen_ai_.+|tracing_genai_.+"})', "{{job}}")],
               text="What Prometheus is sized by.")
    it.metrics("timeseries", "Samples that Prometheus turned away", 12, 8,
               [("sum(rate(prometheus_tsdb_out_of_order_samples_total[$__rate_interval]))", "out of order"),
                ("sum(rate(prometheus_tsdb_too_old_samples_total[$__rate_interval]))", "too old")])

    def variable(name, label, query):
        return {
            "type": "query", "name": name, "label": label, "datasource": PROMETHEUS, "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]},
        }

    return {
        "uid": f"tracing-genai-{version.replace('.', '-')}",
        "title": f"GenAI, {version} names",
        "description": f"For services whose tracing-genai says `semconv: \"{version}\"` or `dual`.",
        "tags": ["genai", "tracing-genai"],
        "schemaVersion": 41,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [
            variable("service", "Service", f"label_values({requests}, job)"),
            variable("provider", "Provider", f"label_values({requests}{{job=~\"$service\"}}, gen_ai_provider_name)"),
            variable("model", "Model", f"label_values({requests}{{job=~\"$service\", "
                     "gen_ai_provider_name=~\"$provider\"}, gen_ai_request_model)"),
        ]},
        "links": [{"type": "dashboards", "title": "Other names", "tags": ["tracing-genai"], "includeVars": True,
                   "keepTime": True, "asDropdown": False, "targetBlank": False, "icon": "external link",
                   "tooltip": ""}],
        "panels": it.panels,
    }


def main():
    stale = []
    for version in NAMES:
        path = FOLDER / f"genai-{version}.json"
        text = json.dumps(build(version), indent=1, ensure_ascii=False) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"not what dashboards.py writes: {', '.join(stale)}")


if __name__ == "__main__":
    main()
