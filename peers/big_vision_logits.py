"""Loads an exported npz in big_vision's own model, and as openpi does, and compares logits with Palimpsest's.

usage: big_vision_logits.py BIG_VISION EXPORT.npz LOGITS
BIG_VISION is a checkout of google-research/big_vision; LOGITS is written by
`palimpsest verify-export EXPORT.npz --logits LOGITS`.
Prints one line of JSON. Exit code 1 if a parameter is missing, unexpected or of another shape or type, or if logits differ.
"""
import json
import os
import sys
import types

import flax
import flax.jax_utils
import flax.training.checkpoints
import flax.traverse_util
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import orbax.checkpoint  # before TensorFlow seems to be there: it would ask it for more than files
import safetensors.numpy

# Both programs compute in float32, in another order of sums; of the largest logit.
TOLERANCE = 2e-5


class LocalFiles:
    """big_vision asks TensorFlow for files; for those of this machine Python's own do. While it is imported, and no longer."""

    def __enter__(self):
        gfile = types.ModuleType("tensorflow.io.gfile")
        gfile.GFile, gfile.exists = open, os.path.exists
        self.modules = {name: types.ModuleType(name) for name in ("tensorflow", "tensorflow.io")}
        self.modules["tensorflow.io.gfile"] = gfile
        self.modules["tensorflow"].io, self.modules["tensorflow.io"].gfile = self.modules["tensorflow.io"], gfile
        sys.modules.update(self.modules)

    def __exit__(self, *failure):
        for name in self.modules:
            del sys.modules[name]


def sizes(params):
    """The network's settings, as far as the arrays' shapes tell them; the rest are those of Gemma and SigLIP."""
    block, layers = params["img"]["Transformer"]["encoderblock"], params["llm"]["layers"]
    query = block["MultiHeadDotProductAttention_0"]["query"]["kernel"]  # [depth, width, heads, head width]
    out = layers["attn"]["attn_vec_einsum"]["w"]  # [depth, heads, head width, width]
    keys = layers["attn"].get("kv_einsum")
    gemma2 = "post_attention_norm" in layers
    image = dict(
        depth=query.shape[0], width=query.shape[1], num_heads=query.shape[2],
        mlp_dim=block["MlpBlock_0"]["Dense_0"]["kernel"].shape[2],
        patch_size=params["img"]["embedding"]["kernel"].shape[:2], pool_type="none", posemb="learn", scan=True)
    text = dict(
        variant="of this export", depth=out.shape[0], num_heads=out.shape[1], head_dim=out.shape[2], width=out.shape[3],
        num_kv_heads=keys["w"].shape[2] if keys else out.shape[1], mlp_dim=layers["mlp"]["linear"].shape[1], norm_eps=1e-6,
        vocab_size=params["llm"]["embedder"]["input_embedding"].shape[0], post_norms=gemma2,
        attn_logits_softcap=50.0 if gemma2 else 0.0, final_logits_softcap=30.0 if gemma2 else 0.0,
        scan=True, remat_policy="nothing_saveable")
    return image, text


def main():
    folder, npz, file = sys.argv[1:]
    sys.path.insert(0, folder)
    with LocalFiles():
        import big_vision.utils as utils
        from big_vision.models.ppp import gemma
        from big_vision.models.proj.paligemma import paligemma

    ours = safetensors.numpy.load_file(file)
    params = utils.load_params(npz)
    image, text = sizes(params)
    gemma.get_config = lambda variant: ml_collections.ConfigDict(text)
    model = paligemma.Model(img=image, llm=dict(vocab_size=text["vocab_size"]))
    pixels = jnp.asarray(ours["pixels"])[None]
    tokens = jnp.asarray(ours["tokens"].astype(np.int32))[None]
    mask_ar = jnp.zeros_like(tokens)  # all of the prefix
    wanted = jax.eval_shape(lambda: model.init(jax.random.PRNGKey(0), pixels, tokens, mask_ar))["params"]

    def flat(tree):
        return {name: (tuple(leaf.shape), str(leaf.dtype)) for name, leaf in flax.traverse_util.flatten_dict(tree, sep="/").items()}

    def compare(found):
        expected = flat(wanted)
        return {
            "missing": sorted(expected.keys() - found.keys()), "unexpected": sorted(found.keys() - expected.keys()),
            "other": sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name])}

    # openpi: training/weight_loaders.py reads without pickles, takes what lies under params/, and casts to its own type.
    archive = dict(np.load(npz, allow_pickle=False))
    openpi = flat(flax.traverse_util.unflatten_dict(archive, sep="/")["params"])
    logits = np.asarray(model.apply({"params": params}, pixels, tokens, mask_ar)[0])[0]
    if text["post_norms"]:  # this path, which is that of training, leaves the last soft-cap out
        logits = np.tanh(logits / text["final_logits_softcap"]) * text["final_logits_softcap"]
    scale = float(np.abs(ours["logits"]).max())
    difference = float(np.abs(logits - ours["logits"]).max())
    problems = {"big_vision": compare(flat(params)), "openpi": compare(openpi)}
    holds = not any(names for found in problems.values() for names in found.values()) and difference <= TOLERANCE * scale
    print(json.dumps({
        "jax": jax.__version__, "flax": flax.__version__, "holds": holds, "problems": problems, "tensors": len(archive),
        "difference": difference, "largest": scale}))
    sys.exit(0 if holds else 1)


main()
