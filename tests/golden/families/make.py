"""Writes the miniature models beside this file, each with the logits that it must give.

An independent forward pass in numpy, in f64, after the semantics of Hugging Face transformers. It shares no code with the
engine that is held against it. Needs numpy alone: `python3 make.py`.
"""

import json
import math
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent
TOKENS = 24
SIZES = dict(vocab_size=64, hidden_size=32, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, hidden_act="silu", rms_norm_eps=1e-5, max_position_embeddings=512, bos_token_id=1,
             eos_token_id=2, rope_theta=10000.0, tie_word_embeddings=False)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=128)
FAMILIES = {
    "llama3-rope": dict(SIZES, model_type="llama", tie_word_embeddings=True, rope_scaling=LLAMA3),
    "llama-linear-rope": dict(SIZES, model_type="llama", intermediate_size=12,
                              rope_scaling=dict(rope_type="linear", factor=4.0)),
    "mistral": dict(SIZES, model_type="mistral", intermediate_size=12, sliding_window=7),
    "qwen2": dict(SIZES, model_type="qwen2", tie_word_embeddings=True, rope_theta=1000000.0, use_sliding_window=False,
                  sliding_window=7, max_window_layers=1),
    "qwen3": dict(SIZES, model_type="qwen3", tie_word_embeddings=True, head_dim=12, intermediate_size=12,
                  rms_norm_eps=1e-6, attention_bias=False),
}


def head_dim(c):
    return c.get("head_dim", c["hidden_size"] // c["num_attention_heads"])


def make_weights(c, rng):
    """Every tensor by its Hugging Face name, in f32. Norms and biases are far from one and zero, so that none can be
    left out unseen."""
    hidden, inner, d = c["hidden_size"], c["intermediate_size"], head_dim(c)
    q, kv = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    weights = {}

    def put(name, shape, mean=0.0, spread=None):
        spread = 1.3 / math.sqrt(shape[-1]) if spread is None else spread
        weights[name] = (mean + spread * rng.standard_normal(shape)).astype(np.float32)

    put("model.embed_tokens.weight", (c["vocab_size"], hidden), spread=0.5)
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        put(p + "input_layernorm.weight", (hidden,), 1.0, 0.3)
        put(p + "post_attention_layernorm.weight", (hidden,), 1.0, 0.3)
        for name, rows, columns in [("q", q, hidden), ("k", kv, hidden), ("v", kv, hidden), ("o", hidden, q)]:
            put(p + f"self_attn.{name}_proj.weight", (rows, columns))
            if c["model_type"] == "qwen2" and name != "o":
                put(p + f"self_attn.{name}_proj.bias", (rows,), spread=0.5)
        if c["model_type"] == "qwen3":
            put(p + "self_attn.q_norm.weight", (d,), 1.2, 0.4)
            put(p + "self_attn.k_norm.weight", (d,), 1.2, 0.4)
        put(p + "mlp.gate_proj.weight", (inner, hidden))
        put(p + "mlp.up_proj.weight", (inner, hidden))
        put(p + "mlp.down_proj.weight", (hidden, inner))
    put("model.norm.weight", (hidden,), 1.0, 0.3)
    if not c["tie_word_embeddings"]:
        put("lm_head.weight", (c["vocab_size"], hidden))
    return weights


def inverse_frequencies(c):
    """transformers' modeling_rope_utils: default, linear and llama3."""
    d = head_dim(c)
    frequencies = 1.0 / c["rope_theta"] ** (np.arange(0, d, 2, dtype=np.float64) / d)
    scaling = c.get("rope_scaling")
    if scaling is None:
        return frequencies
    factor = scaling["factor"]
    if scaling["rope_type"] == "linear":
        return frequencies / factor
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    old = scaling["original_max_position_embeddings"]
    wavelengths = 2 * math.pi / frequencies
    scaled = np.where(wavelengths > old / low, frequencies / factor, frequencies)
    smooth = (old / wavelengths - low) / (high - low)
    smoothed = (1 - smooth) * scaled / factor + smooth * scaled
    is_medium = ~(wavelengths < old / high) & ~(wavelengths > old / low)
    assert is_medium.any() and (wavelengths > old / low).any() and (wavelengths < old / high).any()
    return np.where(is_medium, smoothed, scaled)


def rms_norm(x, weight, eps):
    return weight * x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)


def rotate_half(x):
    half = x.shape[-1] // 2
    return np.concatenate([-x[..., half:], x[..., :half]], -1)


def attention(c, w, p, x):
    tokens, d = x.shape[0], head_dim(c)
    heads, kv_heads = c["num_attention_heads"], c["num_key_value_heads"]

    def project(name, count):
        y = x @ w[p + f"{name}_proj.weight"].T + w.get(p + f"{name}_proj.bias", 0.0)
        return y.reshape(tokens, count, d)

    q, k, v = project("q", heads), project("k", kv_heads), project("v", kv_heads)
    if c["model_type"] == "qwen3":
        q = rms_norm(q, w[p + "q_norm.weight"], c["rms_norm_eps"])
        k = rms_norm(k, w[p + "k_norm.weight"], c["rms_norm_eps"])
    angles = np.arange(tokens)[:, None] * inverse_frequencies(c)[None, :]
    angles = np.concatenate([angles, angles], -1)[:, None, :]
    q = q * np.cos(angles) + rotate_half(q) * np.sin(angles)
    k = k * np.cos(angles) + rotate_half(k) * np.sin(angles)
    k, v = (np.repeat(t, heads // kv_heads, axis=1) for t in (k, v))
    scores = np.einsum("ihd,jhd->hij", q, k) / math.sqrt(d)
    i, j = np.arange(tokens)[:, None], np.arange(tokens)[None, :]
    seen = j <= i
    if c["model_type"] == "mistral" or c.get("use_sliding_window"):
        seen &= j > i - c["sliding_window"]
    scores = np.where(seen, scores, -np.inf)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    probabilities = scores / scores.sum(-1, keepdims=True)
    out = np.einsum("hij,jhd->ihd", probabilities, v).reshape(tokens, heads * d)
    return out @ w[p + "o_proj.weight"].T


def forward(c, w, ids):
    w = {name: tensor.astype(np.float64) for name, tensor in w.items()}
    x = w["model.embed_tokens.weight"][ids]
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        x = x + attention(c, w, p + "self_attn.", rms_norm(x, w[p + "input_layernorm.weight"], c["rms_norm_eps"]))
        n = rms_norm(x, w[p + "post_attention_layernorm.weight"], c["rms_norm_eps"])
        gate = n @ w[p + "mlp.gate_proj.weight"].T
        up = n @ w[p + "mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[p + "mlp.down_proj.weight"].T
    x = rms_norm(x, w["model.norm.weight"], c["rms_norm_eps"])
    head = w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return x @ head.T


def save_safetensors(path, tensors):
    names = {np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}
    header, data = {}, b""
    for name, tensor in tensors.items():
        tensor = np.ascontiguousarray(tensor)
        header[name] = dict(dtype=names[tensor.dtype], shape=list(tensor.shape),
                            data_offsets=[len(data), len(data) + tensor.nbytes])
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    for number, (name, config) in enumerate(FAMILIES.items()):
        rng = np.random.default_rng(100 + number)
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        weights = make_weights(config, rng)
        ids = rng.integers(0, config["vocab_size"], TOKENS)
        logits = forward(config, weights, ids)
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        save_safetensors(folder / "model.safetensors", weights)
        expected = dict(input_ids=ids[None].astype(np.int64), logits=logits[None].astype(np.float32))
        save_safetensors(folder / "expected.safetensors", expected)
        print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes, logits to", abs(logits).max().round(2))


if __name__ == "__main__":
    main()
