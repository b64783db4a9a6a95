"""Opens what `palimpsest fabricate` wrote with the programs that publish such files: numpy, safetensors,
transformers, sentencepiece. Exits with 1 where a name or a shape is missing, too many or wrong.

usage: fabricated_towers.py DIR
"""
import pathlib
import sys

import numpy
import sentencepiece
import torch
import transformers


def load(kind, folder):
    model, report = kind.from_pretrained(folder, output_loading_info=True, torch_dtype="auto")
    wrong = {key: sorted(names) for key, names in report.items() if names}
    assert not wrong, (folder, wrong)
    print(f"{folder}: {kind.__name__}, {sum(p.numel() for p in model.parameters()):,} values, {model.dtype}")
    return model.eval()


def sane(values, what, least, most):
    assert torch.isfinite(values).all(), what
    deviation = values.float().std().item()
    print(f"  {what}: deviation {deviation:.3f}")
    assert least < deviation < most, (what, deviation)


def stacked(npz, prefix):
    """big_vision's arrays with a block each, without the stem's prefix."""
    for name in npz.files:
        if name.startswith(prefix) and "/encoderblock/" in name:
            for i, block in enumerate(npz[name]):
                yield name.replace("/encoderblock/", f"/encoderblock_{i}/"), block


@torch.no_grad()
def siglip(folder, npz):
    model = load(transformers.SiglipModel, folder)
    size = model.config.vision_config.image_size
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand((2, 3, size, size), generator=generator) * 2 - 1
    length = model.config.text_config.max_position_embeddings
    texts = torch.randint(0, model.config.text_config.vocab_size, (2, length), generator=generator)
    result = model(pixel_values=pictures, input_ids=texts)
    sane(result.vision_model_output.last_hidden_state, "image tokens", 0.5, 2)
    sane(result.text_model_output.last_hidden_state, "text tokens", 0.5, 2)
    assert torch.isfinite(result.logits_per_image).all()

    # The npz is the same model: the way of transformers' own converter, for a few arrays of each kind.
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    width = model.config.vision_config.hidden_size
    same = {
        "img/pos_embedding": state["vision_model.embeddings.position_embedding.weight"][None],
        "img/embedding/kernel": state["vision_model.embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0),
        "img/Transformer/encoder_norm/scale": state["vision_model.post_layernorm.weight"],
        "img/MAPHead_0/probe": state["vision_model.head.probe"],
        "txt/Embed_0/embedding": state["text_model.embeddings.token_embedding.weight"],
        "txt/head/kernel": state["text_model.head.weight"].T,
        "t": state["logit_scale"],
        "b": state["logit_bias"],
    }
    for i, part in enumerate(("query", "key", "value")):
        name = f"img/MAPHead_0/MultiHeadDotProductAttention_0/{part}/"
        weight, bias = (state[f"vision_model.head.attention.in_proj_{kind}"] for kind in ("weight", "bias"))
        kernel, b = npz["params/" + name + "kernel"], npz["params/" + name + "bias"]
        assert numpy.array_equal(kernel.reshape(width, width).T, weight[i * width:(i + 1) * width]), name
        assert numpy.array_equal(b.reshape(-1), bias[i * width:(i + 1) * width]), name
    for name, value in same.items():
        assert numpy.array_equal(npz["params/" + name], value), name
    blocks = 0
    for tower, ours in (("img/Transformer/", "vision_model"), ("txt/Encoder_0/", "text_model")):
        for name, block in stacked(npz, "params/" + tower):
            i, rest = name.split("/encoderblock_")[1].split("/", 1)
            theirs = f"{ours}.encoder.layers.{i}." + (
                rest.replace("LayerNorm_0/", "layer_norm1.").replace("LayerNorm_1/", "layer_norm2.")
                .replace("MlpBlock_0/Dense_0/", "mlp.fc1.").replace("MlpBlock_0/Dense_1/", "mlp.fc2.")
                .replace("MultiHeadDotProductAttention_0/", "self_attn.").replace("query/", "q_proj.")
                .replace("key/", "k_proj.").replace("value/", "v_proj.").replace("out/", "out_proj.")
                .replace("kernel", "weight").replace("scale", "weight"))
            value = state[theirs]
            flat = block.reshape(-1, width) if "out_proj" in theirs else block.reshape(block.shape[0], -1)
            moved = flat.T if theirs.endswith("proj.weight") or ".fc" in theirs and value.ndim == 2 else block.reshape(-1)
            assert numpy.array_equal(moved, value), name
            blocks += 1
    members = sum(value.size for value in npz.values())
    assert members == sum(value.size for value in state.values()), members
    print(f"  the npz holds the same {members:,} values, {blocks} arrays of blocks compared")


@torch.no_grad()
def gemma(folder):
    model = load(transformers.AutoModelForCausalLM, folder)
    assert model.dtype == torch.bfloat16, model.dtype
    text = "a small red circle and 12 squares"
    fast = transformers.AutoTokenizer.from_pretrained(folder)
    slow = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    assert len(fast) == slow.get_piece_size() == model.config.vocab_size, len(fast)
    ids = fast(text, add_special_tokens=False)["input_ids"]
    assert ids == slow.encode(text), (ids, slow.encode(text))
    assert slow.decode(ids) == text
    print(f"  '{text}' is {len(ids)} tokens of {len(fast):,}")
    result = model(input_ids=torch.tensor([[fast.bos_token_id, *ids]]), output_hidden_states=True)
    sane(result.hidden_states[-1], "last hidden state", 0.5, 2)
    sane(result.logits, "logits", 0.1, 4)


def main(folder):
    for npz in folder.glob("*siglip*.npz"):
        siglip(next(path for path in folder.glob("siglip-*") if path.is_dir()), numpy.load(npz))
    for npz in folder.glob("webli*.npz"):
        siglip(next(folder.glob("siglip-so400m-*")), numpy.load(npz))
    gemma(next(folder.glob("gemma-*")))
    whole = sentencepiece.SentencePieceProcessor(model_file=str(folder / "paligemma_tokenizer.model"))
    base = whole.get_piece_size() - 1024 - 128
    assert whole.piece_to_id("\n") == 108 and whole.encode("a\nb")[1] == 108
    assert whole.encode("<loc0000><loc1023><seg000><seg127>") == [base, base + 1023, base + 1024, base + 1151]
    print(f"tokenizer: {whole.get_piece_size():,} pieces, locations from {base:,} on")


main(pathlib.Path(sys.argv[1]))
