"""Loads an exported Hugging Face folder in transformers, and compares its logits with Palimpsest's.

usage: transformers_logits.py EXPORT LOGITS
LOGITS is written by `palimpsest verify-export EXPORT --logits LOGITS`.
Prints one line of JSON. Exit code 1 if a tensor is missing, unexpected, of another shape, or started from random values, if the
output table is not the embedding, if logits differ, or if the model card has no metadata that huggingface_hub reads.
"""
import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")

import safetensors.torch
import torch
import transformers
from huggingface_hub import ModelCard

# Both programs compute in float32, in another order of sums; of the largest logit.
TOLERANCE = 2e-5


def load(export):
    """The model in float32, and what transformers says of its tensors."""
    name = "dtype" if transformers.__version__.startswith("5.") else "torch_dtype"
    return transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        export, attn_implementation="eager", output_loading_info=True, **{name: torch.float32})


def logits(model, pixels, tokens):
    """Of the text positions, all of which belong to the prefix."""
    config = model.config
    image = getattr(config, "image_token_index", None) or config.image_token_id
    count = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    ids = torch.cat([torch.full((count,), image), tokens]).unsqueeze(0)
    with torch.no_grad():
        out = model(
            input_ids=ids,
            pixel_values=pixels.permute(2, 0, 1).unsqueeze(0),
            attention_mask=torch.ones_like(ids),
            token_type_ids=torch.zeros_like(ids))  # 0: prefix; transformers 5 takes tokens without types for a suffix
    logits = out.logits[0, -len(tokens):]
    cap = getattr(config.text_config, "final_logit_softcapping", None)
    if cap and transformers.__version__.startswith("4.5"):
        logits = torch.tanh(logits / cap) * cap  # these releases leave Gemma 2's last soft-cap out of PaliGemma
    return logits


def main():
    export, file = sys.argv[1:]
    ours = safetensors.torch.load_file(file)
    model, info = load(export)
    model.eval()
    tied = model.get_output_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    theirs = logits(model, ours["pixels"], ours["tokens"].long())[:, :ours["logits"].shape[1]]
    scale = ours["logits"].abs().max().item()
    difference = (theirs - ours["logits"]).abs().max().item()
    card = ModelCard.load(os.path.join(export, "README.md")).data.to_dict() if os.path.exists(
        os.path.join(export, "README.md")) else None
    problems = {name: sorted(map(str, found)) for name, found in info.items() if found}
    holds = not problems and tied and difference <= TOLERANCE * scale and (
        card is None or card.get("pipeline_tag") == "image-text-to-text")
    print(json.dumps({
        "transformers": transformers.__version__, "torch": torch.__version__, "holds": holds, "problems": problems, "tied": tied,
        "tensors": len(model.state_dict()), "difference": difference, "largest": scale, "card": card}))
    sys.exit(0 if holds else 1)


main()
