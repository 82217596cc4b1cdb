//! Which spelling finds which price, what a call costs, and what a bad table says.

use super::*;

fn prices(text: &str) -> Prices {
    let mut prices = Prices::default();
    prices.read_text(text, "prices");
    prices.sort();
    prices
}

const TABLE: &str = r#"{
  "openai/gpt-4o": {"input": 1},
  "openai/gpt-4o-2024-05-13": {"input": 2},
  "openai/gpt-4o-mini": {"input": 3},
  "openai/ft:gpt-4o-mini-2024-07-18": {"input": 4},
  "gpt-3.5-turbo": {"input": 5},
  "o3": {"input": 6},
  "anthropic/claude-sonnet-4": {"input": 7},
  "anthropic/claude-3-5-sonnet": {"input": 8},
  "claude-3-opus": {"input": 9},
  "bedrock/claude-3-5-sonnet": {"input": 10},
  "vertex_ai/gemini-2.5-pro": {"input": 11},
  "gemini/gemini-2.5-pro": {"input": 12},
  "gemini-2.5-flash": {"input": 13},
  "azure/gpt-4o": {"input": 14},
  "mistral/mistral-large": {"input": 15},
  "llama-3.3-70b-instruct": {"input": 16},
  "deepseek/deepseek-chat": {"input": 17},
  "text-embedding-3-*": {"input": 18},
  "groq/*": {"input": 19},
  "ollama/*": {"input": 0},
  "groq/llama-*": {"input": 20},
  "xai/grok-4": {"input": 21},
  "amazon.nova-pro": {"input": 22},
  "gpt-4": {"input": 23},
  "cohere/command-r-plus": {"input": 24}
}"#;

#[test]
fn spellings_find_their_price() {
    let prices = prices(TABLE);
    assert_eq!(prices.problems, [""; 0]);
    let none = None;
    for (provider, model, expected) in [
        (Some("openai"), "gpt-4o", Some(1)),
        (Some("OpenAI"), "GPT-4o", Some(1)),
        (Some("openai"), " gpt-4o ", Some(1)),
        (Some("openai"), "gpt-4o-2024-08-06", Some(1)),
        (Some("openai"), "gpt-4o-2024-05-13", Some(2)),
        (Some("openai"), "gpt-4o-latest", Some(1)),
        (Some("openai"), "openai/gpt-4o", Some(1)),
        (none, "openai/gpt-4o", Some(1)),
        (Some("openrouter"), "openai/gpt-4o", Some(1)),
        (Some("openrouter"), "openai/gpt-4o:free", Some(1)),
        (none, "openrouter/openai/gpt-4o-2024-08-06", Some(1)),
        (Some("openai"), "gpt-4o-mini", Some(3)),
        (Some("openai"), "gpt-4o-mini-2024-07-18", Some(3)),
        (Some("openai"), "ft:gpt-4o-mini-2024-07-18:acme::abc123", Some(4)),
        (Some("openai"), "ft:gpt-4o-mini-2024-07-18:acme:name:abc123", Some(4)),
        (Some("openai"), "gpt-3.5-turbo", Some(5)),
        (Some("openai"), "gpt-3.5-turbo-0125", Some(5)),
        (Some("azure.ai.openai"), "gpt-3.5-turbo-0613", Some(5)),
        (none, "gpt-3.5-turbo", Some(5)),
        (Some("openai"), "o3-2025-04-16", Some(6)),
        (Some("openai"), "o3", Some(6)),
        (Some("openai"), "gpt-4-0613", Some(23)),
        (Some("openai"), "gpt-4-0125-preview", Some(23)),
        (Some("anthropic"), "claude-sonnet-4", Some(7)),
        (Some("anthropic"), "claude-sonnet-4-20250514", Some(7)),
        (Some("anthropic"), "claude-3-5-sonnet-20241022", Some(8)),
        (Some("anthropic"), "claude-3-5-sonnet-latest", Some(8)),
        (Some("anthropic"), "anthropic/claude-3-5-sonnet", Some(8)),
        (none, "anthropic/claude-3-5-sonnet-20241022", Some(8)),
        (Some("anthropic"), "claude-3-opus-20240229", Some(9)),
        (Some("aws.bedrock"), "anthropic.claude-3-opus-20240229-v1:0", Some(9)),
        (Some("aws.bedrock"), "anthropic.claude-3-5-sonnet-20241022-v2:0", Some(10)),
        (Some("aws.bedrock"), "us.anthropic.claude-3-5-sonnet-20241022-v2:0", Some(10)),
        (Some("aws.bedrock"), "eu.anthropic.claude-3-5-sonnet-20240620-v1:0", Some(10)),
        (Some("aws.bedrock"), "apac.anthropic.claude-3-5-sonnet-20240620-v1:0", Some(10)),
        (Some("aws.bedrock"), "global.anthropic.claude-3-opus", Some(9)),
        (Some("bedrock"), "anthropic.claude-3-5-sonnet", Some(10)),
        (none, "bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", Some(10)),
        (Some("gcp.vertex_ai"), "claude-3-opus@20240229", Some(9)),
        (Some("gcp.vertex_ai"), "gemini-2.5-pro", Some(11)),
        (Some("gcp.vertex_ai"), "gemini-2.5-pro-preview-05-06", Some(11)),
        (Some("gcp.vertex_ai"), "publishers/google/models/gemini-2.5-pro", Some(11)),
        (Some("vertexai"), "gemini-2.5-pro-001", Some(11)),
        (Some("gcp.gemini"), "gemini-2.5-pro", Some(12)),
        (Some("gcp.gemini"), "models/gemini-2.5-pro", Some(12)),
        (Some("gcp.gemini"), "gemini-2.5-pro-exp-03-25", Some(12)),
        (Some("gcp.gemini"), "gemini-2.5-flash", Some(13)),
        (Some("gcp.vertex_ai"), "gemini-2.5-flash-002", Some(13)),
        (none, "gemini-2.5-flash-latest", Some(13)),
        (Some("azure.ai.openai"), "gpt-4o", Some(14)),
        (Some("azure.ai.openai"), "gpt-4o-2024-11-20", Some(14)),
        (none, "azure/gpt-4o", Some(14)),
        (Some("mistral_ai"), "mistral-large", Some(15)),
        (Some("mistral_ai"), "mistral-large-2407", Some(15)),
        (Some("mistral"), "mistral-large-latest", Some(15)),
        (Some("together_ai"), "meta-llama/Llama-3.3-70B-Instruct", Some(16)),
        (Some("huggingface"), "meta-llama/llama-3.3-70b-instruct", Some(16)),
        (Some("fireworks_ai"), "accounts/fireworks/models/llama-3.3-70b-instruct", Some(16)),
        (Some("deepseek"), "deepseek-chat", Some(17)),
        (none, "deepseek/deepseek-chat", Some(17)),
        (Some("openai"), "text-embedding-3-small", Some(18)),
        (none, "text-embedding-3-large", Some(18)),
        (Some("groq"), "mixtral-8x7b", Some(19)),
        (Some("groq"), "llama-3.1-8b-instant", Some(20)),
        (Some("ollama"), "qwen2.5:7b", Some(0)),
        (Some("x_ai"), "grok-4-0709", Some(21)),
        (Some("aws.bedrock"), "amazon.nova-pro-v1:0", Some(22)),
        (Some("aws.bedrock"), "us.amazon.nova-pro-v1:0", Some(22)),
        (Some("cohere"), "command-r-plus-08-2024", Some(24)),
        (Some("cohere"), "command-r-plus", Some(24)),
        // Not known.
        (Some("openai"), "gpt-5", None),
        (Some("openai"), "gpt-4o-audio", None),
        (Some("openai"), "gpt", None),
        (Some("anthropic"), "gpt-4o", None),
        (Some("anthropic"), "claude", None),
        (none, "gpt-4o", None),
        (none, "", None),
        (Some(""), "-", None),
        (Some("openai"), "/", None),
        (Some("openai"), ":::@@@---", None),
        (Some("openai"), "2024-08-06", None),
    ] {
        let found = prices.find(provider, model).map(|price| price.input / 1_000_000_000);
        assert_eq!(found, expected, "{provider:?} {model}");
    }
}

#[test]
fn parts_are_priced_separately_and_add_up() {
    let prices = prices(
        "models:
  m: {input: 2, output: 8, cache_read: 0.5, cache_write: 2.5, reasoning: 10, audio_input: 20,
      audio_output: 40, request: 0.01}
  plain: {input: 2, output: 8}",
    );
    let mut usage = Usage {
        tokens: [Some(1000), Some(500), Some(300), Some(200), Some(100)],
        ..Usage::default()
    };
    usage.by_modality[0][AUDIO] = 50;
    usage.by_modality[1][AUDIO] = 60;
    let cost = prices.find(None, "m").expect("a price").cost(&usage);
    let in_micros = |part: u128| part as f64 / 1e9;
    assert_eq!(in_micros(cost.input), 450.0 * 2.0);
    assert_eq!(in_micros(cost.output), 340.0 * 8.0);
    assert_eq!(in_micros(cost.cache_read), 150.0);
    assert_eq!(in_micros(cost.cache_write), 500.0);
    assert_eq!(in_micros(cost.reasoning), 1000.0);
    assert_eq!(in_micros(cost.audio), 50.0 * 20.0 + 60.0 * 40.0);
    assert_eq!(in_micros(cost.request), 10_000.0);
    let plain = prices.find(None, "plain").expect("a price").cost(&usage);
    assert_eq!(in_micros(plain.total()), 1000.0 * 2.0 + 500.0 * 8.0);
}

#[test]
fn the_table_of_litellm_is_read() {
    let prices = prices(
        r#"{
  "sample_spec": {"input_cost_per_token": "a number", "litellm_provider": "one of …"},
  "gpt-4o": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
    "cache_read_input_token_cost": 1.25e-06, "litellm_provider": "openai", "mode": "chat",
    "supports_vision": true, "max_tokens": 16384},
  "azure/gpt-4o": {"input_cost_per_token": 2.75e-06, "litellm_provider": "azure", "mode": "chat"},
  "claude-opus-4": {"input_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 1.875e-05,
    "litellm_provider": "anthropic", "mode": "chat"},
  "dall-e-3": {"litellm_provider": "openai", "mode": "image_generation",
    "input_cost_per_pixel": 3.5e-08}
}"#,
    );
    assert_eq!(prices.problems, [""; 0]);
    let found = prices.find(Some("openai"), "gpt-4o-2024-08-06").expect("a price");
    let expected = Price {
        input: 2_500_000_000,
        output: 10_000_000_000,
        cache_read: Some(1_250_000_000),
        ..Price::default()
    };
    assert_eq!(**found, expected);
    let azure = prices.find(Some("azure.ai.openai"), "gpt-4o").expect("a price");
    assert_eq!(azure.input, 2_750_000_000);
    assert_eq!(prices.find(Some("openai"), "dall-e-3"), None);
    // Another provider's model is found without a provider of its own in the table.
    let opus = prices.find(Some("gcp.vertex_ai"), "claude-opus-4@20250514").expect("a price");
    assert_eq!(opus.cache_write, Some(18_750_000_000));
}

#[test]
fn bad_rows_are_reported_and_the_others_kept() {
    let prices = prices(
        "models:
  good: {input: 1, output: 2}
  text: {input: cheap}
  negative: {input: -1}
  unknown: {inptu: 1}
  empty: {}
  list: [1, 2]
  also-good: {request: 0.5}
  endless: {input: .inf}",
    );
    let told: Vec<_> = prices
        .problems
        .iter()
        .map(|problem| problem.split(": ").take(2).collect::<Vec<_>>().join(": "))
        .collect();
    assert_eq!(
        told,
        [
            "prices:3: text",
            "prices:4: negative",
            "prices:5: unknown",
            "prices:6: empty",
            "prices:7: list",
            "prices:9: endless",
        ]
    );
    assert!(prices.find(None, "good").is_some() && prices.find(None, "also-good").is_some());
    assert_eq!(prices.len(), 2);
}

#[test]
fn inline_prices_win_over_the_file() {
    let mut prices = Prices::default();
    prices.read_text("m: {input: 1}\nx*: {input: 1}", "prices");
    prices.read_text(r#"{"models": {"m": {"input": 2}, "x*": {"input": 2}}}"#, "pricing");
    prices.sort();
    assert_eq!(prices.find(None, "m").map(|price| price.input), Some(2_000_000_000));
    assert_eq!(prices.find(None, "xy").map(|price| price.input), Some(2_000_000_000));
}
