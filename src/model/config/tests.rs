use serde_json::{Value, json};

use super::*;

/// A small Llama, for tests that need some config.
pub fn tiny_config() -> ModelConfig {
    ModelConfig {
        architecture: Architecture::Llama,
        hidden: 8,
        intermediate: 16,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
        vocab: 32,
        norm_eps: 1e-5,
        rope_theta: 1e4,
        rope_scaling: RopeScaling::None,
        max_position: 64,
        tied_embeddings: true,
        qkv_bias: false,
        o_bias: false,
        mlp_bias: false,
        qk_norm: false,
        sliding_window: None,
        bos: Some(1),
        eos: vec![2],
    }
}

/// The sizes that every config gives: layers, hidden, intermediate, heads, kv_heads, vocab.
fn sizes(model_type: &str, sizes: [u64; 6]) -> Value {
    let [layers, hidden, intermediate, heads, kv_heads, vocab] = sizes;
    json!({
        "model_type": model_type, "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": intermediate,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "max_position_embeddings": 4096, "bos_token_id": 1, "eos_token_id": 2,
    })
}

fn with(mut config: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

fn read(config: &Value) -> ModelConfig {
    ModelConfig::from_hugging_face(&config.to_string()).unwrap()
}

fn refusal(config: &Value) -> String {
    ModelConfig::from_hugging_face(&config.to_string()).unwrap_err().to_string()
}

fn small(model_type: &str, more: Value) -> Value {
    with(sizes(model_type, [2, 8, 16, 2, 1, 32]), more)
}

#[test]
fn tinyllama_and_llama_2_are_read() {
    let tiny = read(&with(sizes("llama", [22, 2048, 5632, 32, 4, 32000]), json!({ "rope_scaling": null })));
    assert_eq!((tiny.head_dim, tiny.parameters()), (64, 1_100_048_384));
    assert_eq!((tiny.bos, tiny.eos.as_slice()), (Some(1), [2].as_slice()));

    // The first Llama 2 folders name neither theta nor the number of key/value heads.
    let mut llama2 = sizes("llama", [32, 4096, 11008, 32, 32, 32000]);
    llama2.as_object_mut().unwrap().remove("num_key_value_heads");
    let llama2 = read(&llama2);
    assert_eq!((llama2.kv_heads, llama2.rope_theta, llama2.parameters()), (32, 1e4, 6_738_415_616));
    assert!(!llama2.tied_embeddings && !llama2.qkv_bias && !llama2.qk_norm && llama2.sliding_window.is_none());
}

#[test]
fn llama_3_is_read_with_its_rope_scaling_and_all_its_ends() {
    let scaling = json!({
        "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    });
    let more = json!({
        "rope_theta": 500000.0, "rope_scaling": scaling, "tie_word_embeddings": true, "head_dim": 64,
        "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "max_position_embeddings": 131072,
    });
    let config = read(&with(sizes("llama", [16, 2048, 8192, 32, 8, 128256]), more));
    assert_eq!((config.parameters(), config.max_position, config.rope_theta), (1_235_814_400, 131_072, 5e5));
    assert_eq!(config.eos, [128001, 128008, 128009]);
    let expected =
        RopeScaling::Llama3 { factor: 32.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position: 8192 };
    assert_eq!(config.rope_scaling, expected);
}

#[test]
fn smollm2_is_read_from_old_and_new_folders_alike() {
    let sizes = with(sizes("llama", [30, 576, 1536, 9, 3, 49152]), json!({ "tie_word_embeddings": true }));
    let old = read(&with(sizes.clone(), json!({ "rope_theta": 100000, "rope_scaling": null })));
    let rope = json!({ "rope_theta": 100000, "rope_type": "default" });
    let new = read(&with(sizes, json!({ "rope_parameters": rope })));
    assert_eq!((old.parameters(), old.rope_theta, old.head_dim), (134_515_008, 1e5, 64));
    assert_eq!(old, new);
}

#[test]
fn mistral_slides_in_every_layer_unless_its_folder_says_null() {
    let mistral = |vocab, more| with(sizes("mistral", [32, 4096, 14336, 32, 8, vocab]), more);
    let first = read(&mistral(32000, json!({ "sliding_window": 4096, "rope_theta": 10000.0 })));
    assert_eq!((first.parameters(), first.head_dim), (7_241_732_096, 128));
    assert_eq!((first.window(0), first.window(31), first.window(32)), (Some(4096), Some(4096), None));

    let second = read(&mistral(32000, json!({ "sliding_window": null, "rope_theta": 1000000.0 })));
    assert_eq!((second.window(0), second.rope_theta), (None, 1e6));
    assert_eq!(read(&mistral(32768, json!({ "sliding_window": null }))).parameters(), 7_248_023_552);
    assert_eq!(read(&mistral(32000, json!({}))).window(0), Some(4096));
}

#[test]
fn qwen2_has_biases_on_q_k_and_v_only() {
    let more = json!({
        "tie_word_embeddings": true, "rope_theta": 1000000.0, "sliding_window": 131072, "use_sliding_window": false,
        "max_window_layers": 24, "eos_token_id": 151645,
    });
    let config = read(&with(sizes("qwen2", [24, 896, 4864, 14, 2, 151936]), more));
    assert_eq!((config.parameters(), config.head_dim, config.window(23)), (494_032_768, 64, None));
    assert!(config.qkv_bias && !config.o_bias && !config.mlp_bias && !config.qk_norm);

    let seven = read(&with(sizes("qwen2", [28, 3584, 18944, 28, 4, 152064]), json!({})));
    assert_eq!(seven.parameters(), 7_615_616_512);
}

#[test]
fn qwen2_slides_from_the_layer_its_folder_names() {
    let more = json!({ "use_sliding_window": true, "sliding_window": 16, "max_window_layers": 1 });
    let config = read(&small("qwen2", more));
    assert_eq!((config.window(0), config.window(1)), (None, Some(16)));

    let types = json!({ "use_sliding_window": true, "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"] });
    let config = read(&small("qwen2", types));
    assert_eq!((config.window(0), config.window(1)), (Some(16), None));
}

#[test]
fn qwen3_normalises_queries_and_keys_of_heads_of_its_own_size() {
    let more = json!({ "tie_word_embeddings": true, "head_dim": 128, "sliding_window": null, "attention_bias": false });
    let config = read(&with(sizes("qwen3", [28, 1024, 3072, 16, 8, 151936]), more));
    assert_eq!((config.parameters(), config.head_dim), (596_049_920, 128));
    assert!(config.qk_norm && !config.qkv_bias);
}

#[test]
fn biases_of_a_llama_are_read() {
    let config = read(&small("llama", json!({ "attention_bias": true, "mlp_bias": true })));
    let names: Vec<_> = config.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert!(config.qkv_bias && config.o_bias && config.mlp_bias);
    assert!(names.contains(&"model.layers.1.self_attn.o_proj.bias".to_owned()));
    assert!(names.contains(&"model.layers.1.mlp.down_proj.bias".to_owned()));
}

#[test]
fn linear_scaling_is_read_by_its_old_and_its_new_name() {
    for key in ["type", "rope_type"] {
        let config = read(&small("llama", json!({ "rope_scaling": { key: "linear", "factor": 2 } })));
        assert_eq!(config.rope_scaling, RopeScaling::Linear { factor: 2.0 });
    }
    let rope = json!({ "rope_type": "linear", "factor": 4.0, "rope_theta": 5e4 });
    let config = read(&small("llama", json!({ "rope_parameters": rope })));
    assert_eq!((config.rope_scaling, config.rope_theta), (RopeScaling::Linear { factor: 4.0 }, 5e4));
}

#[test]
fn token_ids_that_the_vocabulary_lacks_are_left_out() {
    let config = read(&small("llama", json!({ "bos_token_id": -1, "eos_token_id": [2, 32, -1, 2, 31] })));
    assert_eq!((config.bos, config.eos), (None, vec![2, 31]));
}

#[test]
fn what_the_decoder_does_not_compute_is_refused_by_name() {
    let cases = [
        (json!({ "model_type": "gemma2" }), vec!["gemma2", "llama, mistral, qwen2 and qwen3"]),
        (json!({ "hidden_act": "gelu" }), vec!["gelu", "silu"]),
        (json!({ "rope_scaling": { "rope_type": "yarn", "factor": 4.0 } }), vec!["rope type", "yarn"]),
        (json!({ "rope_scaling": { "type": "dynamic", "factor": 4.0 } }), vec!["rope type", "dynamic"]),
        (json!({ "rope_parameters": { "rope_type": "longrope" } }), vec!["rope type", "longrope"]),
        (json!({ "rope_parameters": { "full_attention": { "rope_type": "default" } } }), vec!["one per kind of layer"]),
        (json!({ "partial_rotary_factor": 0.5 }), vec!["partial rotary factor", "0.5"]),
        (json!({ "rope_parameters": { "partial_rotary_factor": 0.25 } }), vec!["partial rotary factor", "0.25"]),
        (json!({ "quantization_config": { "quant_method": "gptq" } }), vec!["gptq", "GGUF"]),
    ];
    for (more, words) in cases {
        let message = refusal(&small("llama", more));
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let cases = [
        (json!({ "hidden_size": 0 }), "hidden size is 0"),
        (json!({ "num_attention_heads": 0 }), "number of attention heads is 0"),
        (json!({ "num_attention_heads": 3, "num_key_value_heads": 2, "head_dim": 4 }), "multiple of the 2"),
        (json!({ "head_dim": 3 }), "must be even"),
        (json!({ "num_hidden_layers": u64::MAX }), "number of layers is 18446744073709551615"),
        (json!({ "vocab_size": 1u64 << 40 }), "vocabulary is 1099511627776"),
        (json!({ "rms_norm_eps": 0.0 }), "epsilon of the norms is 0"),
        (json!({ "rope_theta": 0.0 }), "rope_theta is 0"),
        (json!({ "rope_scaling": { "type": "linear", "factor": 0.0 } }), "factor of rope scaling is 0"),
        (json!({ "rope_scaling": { "type": "linear" } }), "no `rope factor`"),
        (json!({ "vocab_size": null }), "no `vocab_size`"),
        (json!({ "model_type": null }), "no `model_type`"),
        (json!({ "hidden_size": "8" }), "cannot be understood"),
    ];
    for (more, words) in cases {
        let message = refusal(&small("llama", more));
        assert!(message.contains(words), "{message}");
    }
    let window = json!({ "use_sliding_window": true, "sliding_window": 16, "layer_types": ["full_attention"] });
    assert!(refusal(&small("qwen2", window)).contains("each of the 2 layers"));
    let window = json!({ "use_sliding_window": true, "sliding_window": 0, "max_window_layers": 0 });
    assert!(refusal(&small("qwen2", window)).contains("at least 1 token"));
}
