// See README.md. Prints how often each listed difference occurs; fails on any other.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { convertGenAISpanAttributesToOpenInferenceSpanAttributes: convert } =
  require("@arizeai/openinference-genai");

const here = (path) => new URL(path, import.meta.url);
const cases = JSON.parse(readFileSync(here("../cases.json"), "utf8"));

// [reason, does it explain (key, theirs, ours, case)?]; an undefined side lacks the key.
const starts = (...prefixes) => (key) => prefixes.some((prefix) => key.startsWith(prefix));
const operation = (span) => span.attributes["gen_ai.operation.name"];
const DIFFERENCES = [
  ["broken JSON: the converter drops what it cannot read, or takes `{}` for no tools; we tell the text",
    (key, theirs, ours, span) => span.name === "malformed" && !key.startsWith("llm.provider")],
  ["the application set the attribute itself; it wins",
    (key, theirs, ours, span) => span.name === "set_by_user"],
  ["not a GenAI span, or none that says what it is: the converter calls every span LLM, we leave it",
    (key, theirs, ours, span) => !operation(span) && key === "openinference.span.kind"],
  ["an operation that is no chat: the converter defaults to LLM, we say CHAIN, RERANKER, GUARDRAIL",
    (key, theirs, ours) => key === "openinference.span.kind" && theirs === "LLM" && ["CHAIN", "RERANKER", "GUARDRAIL"].includes(ours)],
  ["provider and system by OpenInference's own names; an embedding span has neither by its specification",
    (key) => ["llm.provider", "llm.system"].includes(key)],
  ["embedding spans say embedding.*, not llm.*; the converter writes llm.*",
    (key, theirs, ours, span) => operation(span) === "embeddings" && starts("llm.model_name", "llm.invocation", "llm.input_messages", "embedding.")(key)],
  ["rerank spans say reranker.*; the converter knows no rerank",
    (key, theirs, ours, span) => operation(span) === "rerank" && starts("llm.model_name", "llm.input_messages", "reranker.")(key)],
  ["request and response model told apart (names added to the specification in August 2026)",
    (key) => ["llm.request.model_name", "llm.response.model_name"].includes(key)],
  ["parameters by the names of the wire (max_tokens, stop, n, stream, …); the converter renames and leaves some out",
    (key) => key.endsWith(".invocation_parameters")],
  ["one text part is message.content, as OpenInference's instrumentations write it; the converter always writes contents",
    (key) => /\.message\.(content$|contents\.0\.message_content\.(type|text)$)/.test(key)],
  ["pictures and sounds in OpenInference's own shape; the converter writes the part as JSON text",
    (key, theirs, ours, span) => /\.message_content\.(type|text|image|audio)/.test(key) && /image|blob|uri|stream/.test(span.name)],
  ["system instructions are not repeated in metadata: they are the first message",
    (key) => key === "metadata.gen_ai.system_instructions"],
  ["facts without a name in OpenInference are kept in metadata",
    (key) => key === "metadata"],
  ["calls after reasoning are also told in order, as tool_use contents",
    (key, theirs, ours, span) => /\.contents\.\d+\.(message_content\.type|tool_call\.)/.test(key) && span.name.includes("reasoning_and_tool_call")],
  ["arguments that are a JSON string pass as that string; the converter quotes them again",
    (key) => key.endsWith(".tool_call.function.arguments")],
  ["the name of who speaks: the converter drops it",
    (key, theirs) => theirs === undefined && /\.message\.name$/.test(key)],
  ["several embedded texts are told as a list of texts, not as messages",
    (key, theirs, ours, span) => key === "input.value" && operation(span) === "embeddings"],
  ["the tool's name on its response, and a response inside a user message as a message of its own",
    (key, theirs, ours, span) => /llm\.input_messages\.\d+\.message\./.test(key) && span.name.startsWith("part_tool_call_response")],
  ["text completions are told as prompts and choices, as the specification says",
    (key, theirs, ours, span) => operation(span) === "text_completion" && starts("llm.prompts", "llm.choices", "llm.input_messages", "llm.output_messages")(key)],
  ["tokens of an agent or workflow are a sum over its children and go to metadata, not to llm.token_count",
    (key, theirs, ours, span) => key.startsWith("llm.token_count.") && ours === undefined && operation(span).startsWith("invoke")],
  ["reasoning tokens, embedding totals and the latest spelling of the cache count: the converter does not read them",
    (key, theirs) => key.startsWith("llm.token_count.") && theirs === undefined],
  ["cost: the converter does not read it", (key) => key.startsWith("llm.cost.")],
  ["session, prompt template, evaluations, retrieval documents: the converter does not read them",
    (key) => starts("session.id", "prompt.id", "llm.prompt_template.", "evaluations.", "retrieval.documents.")(key)],
  ["the whole prompt is in input.value, the system instructions too",
    (key, theirs, ours, span) => key === "input.value" && "gen_ai.system_instructions" in span.attributes && ours.includes('"role":"system"')],
  ["agents, workflows and other steps say the last text in input.value and output.value, as plain text",
    (key, theirs, ours) => /^(input|output)\.(value|mime_type)$/.test(key) && (ours === "text/plain" || !String(ours).startsWith("["))],
  ["values of retrieval and memory operations: the converter does not read them",
    (key, theirs) => /^(input|output)\.(value|mime_type)$/.test(key) && theirs === undefined],
  ["tool.id is the specification's key; the converter writes tool_call.id, we write both",
    (key) => key === "tool.id"],
];

// Only the converter's own namespaces: everything else passes through on our side.
const NAMESPACES = ["openinference.", "llm.", "embedding.", "reranker.", "retrieval.", "tool.", "tool_call.", "agent.",
  "session.", "prompt.", "input.", "output.", "metadata", "evaluations."];
const PASSES = ["session.id"];

const same = (a, b) => {
  if (a === b) return true;
  const read = (value) => { try { return JSON.parse(value); } catch { return value; } };
  const sorted = (value) => Array.isArray(value) ? value.map(sorted)
    : value && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
    : value;
  return JSON.stringify(sorted(read(a))) === JSON.stringify(sorted(read(b)));
};

const counts = new Map(DIFFERENCES.map(([reason]) => [reason, 0]));
let equal = 0, unlisted = 0;
for (const span of cases) {
  const input = {};
  for (const [key, value] of Object.entries(span.attributes)) {
    const structured = value && typeof value === "object" && !(Array.isArray(value) && value.every((item) => typeof item === "string"));
    input[key] = structured ? JSON.stringify(value) : value;
  }
  const theirs = convert(input);
  const golden = JSON.parse(readFileSync(here(`../golden/${span.name}.json`), "utf8"));
  const ours = golden.open_inference.attributes;
  const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)].filter((key) => NAMESPACES.some((prefix) => key.startsWith(prefix))));
  for (const key of keys) {
    if (PASSES.includes(key) && key in span.attributes) continue;
    if (theirs[key] !== undefined && ours[key] !== undefined && same(theirs[key], ours[key])) { equal += 1; continue; }
    const row = DIFFERENCES.find(([, explains]) => explains(key, theirs[key], ours[key], span));
    if (row) { counts.set(row[0], counts.get(row[0]) + 1); continue; }
    unlisted += 1;
    console.log(`UNLISTED ${span.name} ${key}\n  theirs ${theirs[key]}\n  ours   ${ours[key]}`);
  }
}
for (const [reason, count] of counts) console.log(String(count).padStart(4), reason);
console.log(`${cases.length} spans, ${equal} attributes equal, ${unlisted} differences without a reason`);
process.exit(unlisted ? 1 : 0);
