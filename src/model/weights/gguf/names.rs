//! What GGUF calls the tensors that Hugging Face names, and how it orders the rows of queries and keys.

/// Modules of a layer: Hugging Face's name, GGUF's name.
const IN_LAYER: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// The name in a GGUF file of the tensor that Hugging Face calls `name`; `None` where the families have no such tensor.
pub fn in_gguf(name: &str) -> Option<String> {
    let (module, kind) = name.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let gguf = match module {
        "model.embed_tokens" => "token_embd".to_owned(),
        "model.norm" => "output_norm".to_owned(),
        "lm_head" => "output".to_owned(),
        _ => {
            let (layer, in_layer) = module.strip_prefix("model.layers.")?.split_once('.')?;
            let (_, gguf) = IN_LAYER.iter().find(|(hugging_face, _)| *hugging_face == in_layer)?;
            format!("blk.{layer}.{gguf}")
        }
    };
    Some(format!("{gguf}.{kind}"))
}

/// Whether a Llama GGUF stores the rows of this tensor in pairs.
pub fn has_paired_rows(name: &str) -> bool {
    name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.")
}

/// Brings rows that a Llama GGUF stores in pairs back into halves. `rows` holds `heads * head_dim` rows of `row_bytes`.
///
/// Rotary embedding turns pairs of numbers within a head. Hugging Face keeps the first of every pair in the first half of
/// the head, the second in the second half; Llama's GGUF files keep the two of a pair side by side.
pub fn unpair_rows(rows: &[u8], row_bytes: usize, head_dim: usize) -> Vec<u8> {
    let half = head_dim / 2;
    let mut unpaired = Vec::with_capacity(rows.len());
    for head in rows.chunks(row_bytes * head_dim) {
        let row_of_pair = |pair: usize, second: usize| {
            let start = (2 * pair + second) * row_bytes;
            head.get(start..start + row_bytes).unwrap_or_default()
        };
        for second in 0..2 {
            (0..half).for_each(|pair| unpaired.extend_from_slice(row_of_pair(pair, second)));
        }
    }
    unpaired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_tensor_has_its_name_in_gguf() {
        let cases = [
            ("model.embed_tokens.weight", "token_embd.weight"),
            ("model.norm.weight", "output_norm.weight"),
            ("lm_head.weight", "output.weight"),
            ("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight"),
            ("model.layers.11.post_attention_layernorm.weight", "blk.11.ffn_norm.weight"),
            ("model.layers.3.self_attn.q_proj.weight", "blk.3.attn_q.weight"),
            ("model.layers.3.self_attn.k_proj.bias", "blk.3.attn_k.bias"),
            ("model.layers.3.self_attn.o_proj.weight", "blk.3.attn_output.weight"),
            ("model.layers.3.self_attn.q_norm.weight", "blk.3.attn_q_norm.weight"),
            ("model.layers.3.mlp.down_proj.weight", "blk.3.ffn_down.weight"),
        ];
        for (hugging_face, gguf) in cases {
            assert_eq!(in_gguf(hugging_face).as_deref(), Some(gguf));
        }
        for unknown in ["model.layers.3.weight", "weight", "model.layers.3.self_attn.q_proj.scale", "h.0.mlp.weight"] {
            assert_eq!(in_gguf(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn rows_in_pairs_come_back_in_halves() {
        // Two heads of four rows; each row holds the number that Hugging Face gives it.
        let paired = [0, 2, 1, 3, 4, 6, 5, 7];
        assert_eq!(unpair_rows(&paired, 1, 4), [0, 1, 2, 3, 4, 5, 6, 7]);
        let wide: Vec<u8> = paired.iter().flat_map(|row| [*row; 3]).collect();
        let expected: Vec<u8> = (0..8).flat_map(|row| [row; 3]).collect();
        assert_eq!(unpair_rows(&wide, 3, 4), expected);
    }
}
