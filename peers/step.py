"""The peer of `palimpsest bench step`: the same training step of PaliGemma in PyTorch, with float32 master weights.

usage: step.py --size paligemma-3b|blocks|small|tiny --resolution PIXELS --text TOKENS --batch N
               [--device cpu|cuda] [--precision f32|bf16] [--steps N] [--threads N] [--compile] [--json FILE]
       step.py --vision WIDTH,DEPTH,MLP,HEADS --language VOCABULARY,WIDTH,DEPTH,MLP,HEADS,KVHEADS,HEADDIM ...
       step.py --probe
A step is forward, backward, clipping by the global norm and AdamW. Blocks are computed twice where their activations do not
fit. Operations are counted as `bench step` counts them: products only, repetitions not. Peak memory is the kernel's high-water
mark of the process, as there. --probe prints as JSON what this Python has for the measurement, and measures nothing.
"""
import argparse
import importlib.util
import json
import os
import shutil
import statistics
import sys
import sysconfig
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

# vision: width, depth, mlp, heads; language: vocabulary, width, depth, mlp, heads, kv heads, head size
SIZES = {
    "paligemma-3b": ((1152, 27, 4304, 16), (257152, 2048, 18, 16384, 8, 1, 256)),
    "blocks": ((1152, 2, 4304, 16), (8192, 2048, 2, 16384, 8, 1, 256)),
    "small": ((384, 6, 1536, 6), (8192, 512, 6, 2048, 8, 1, 64)),
    "tiny": ((64, 2, 256, 4), (512, 96, 2, 384, 4, 1, 24)),
}
PATCH = 14


class ImageBlock(nn.Module):
    def __init__(self, width, mlp, heads):
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width, eps=1e-6)
        self.up = nn.Linear(width, mlp)
        self.down = nn.Linear(mlp, width)

    def forward(self, x):
        pictures, tokens, width = x.shape
        qkv = self.qkv(self.before(x)).view(pictures, tokens, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(seen.transpose(1, 2).reshape(pictures, tokens, width))
        return x + self.down(F.gelu(self.up(self.between(x)), approximate="tanh"))


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * (1 + self.scale)


class TextBlock(nn.Module):
    def __init__(self, width, mlp, heads, groups, head):
        super().__init__()
        self.heads, self.groups, self.head = heads, groups, head
        self.before = RmsNorm(width)
        self.query = nn.Linear(width, heads * head, bias=False)
        self.key = nn.Linear(width, groups * head, bias=False)
        self.value = nn.Linear(width, groups * head, bias=False)
        self.out = nn.Linear(heads * head, width, bias=False)
        self.between = RmsNorm(width)
        self.gate = nn.Linear(width, mlp, bias=False)
        self.up = nn.Linear(width, mlp, bias=False)
        self.down = nn.Linear(mlp, width, bias=False)

    def forward(self, x, mask, cos, sin):
        rows, tokens, _ = x.shape
        y = self.before(x)

        def split(z, heads):
            return z.view(rows, tokens, heads, self.head).transpose(1, 2)

        def turned(z):
            a, b = z.float().chunk(2, -1)
            return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(z.dtype)

        q = turned(split(self.query(y), self.heads))
        k = turned(split(self.key(y), self.groups))
        v = split(self.value(y), self.groups)
        k, v = (z.expand(rows, self.groups, tokens, self.head).repeat_interleave(self.heads // self.groups, 1) for z in (k, v))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        x = x + self.out(seen.transpose(1, 2).reshape(rows, tokens, -1))
        y = self.between(x)
        return x + self.down(F.gelu(self.gate(y), approximate="tanh") * self.up(y))


class PaliGemma(nn.Module):
    def __init__(self, sizes, resolution, text):
        super().__init__()
        (dv, depth_v, mlp_v, heads_v), (vocabulary, d, depth, mlp, heads, groups, head) = sizes
        self.pictures = (resolution // PATCH) ** 2
        self.patches = nn.Linear(3 * PATCH * PATCH, dv)
        self.positions = nn.Parameter(torch.randn(self.pictures, dv) * dv**-0.5)
        self.image = nn.ModuleList(ImageBlock(dv, mlp_v, heads_v) for _ in range(depth_v))
        self.image_norm = nn.LayerNorm(dv, eps=1e-6)
        self.connector = nn.Linear(dv, d)
        self.table = nn.Parameter(torch.randn(vocabulary, d) * d**-0.5)
        self.text = nn.ModuleList(TextBlock(d, mlp, heads, groups, head) for _ in range(depth))
        self.text_norm = RmsNorm(d)
        self.twice = False
        frequency = 10000.0 ** (-torch.arange(head // 2) * 2.0 / head)
        angle = torch.arange(self.pictures + text)[:, None] * frequency
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        prompt = self.pictures + text // 4
        place = torch.arange(self.pictures + text)
        seen = (place[None, :] <= place[:, None]) | (place[None, :] < prompt)
        self.register_buffer("mask", torch.where(seen, 0.0, float("-inf"))[None, None])

    def run(self, block, *inputs):
        return checkpoint(block, *inputs, use_reentrant=False) if self.twice else block(*inputs)

    def forward(self, images, tokens, targets, weights):
        n, side = images.shape[0], images.shape[1] // PATCH
        x = images.view(n, side, PATCH, side, PATCH, 3).permute(0, 1, 3, 5, 2, 4).reshape(n, side * side, -1)
        x = self.patches(x) + self.positions
        for block in self.image:
            x = self.run(block, x)
        x = self.connector(self.image_norm(x))
        words = F.embedding(tokens, self.table) * self.table.shape[1] ** 0.5
        x = torch.cat((x.float(), words), 1)
        for block in self.text:
            x = self.run(block, x, self.mask, self.cos, self.sin)
        supervised = weights > 0
        h = self.text_norm(x[:, self.pictures :][supervised])
        losses = F.cross_entropy(F.linear(h, self.table).float(), targets[supervised], reduction="none")
        return (losses * weights[supervised]).sum()


def flops(sizes, resolution, text, batch):
    (dv, depth_v, mlp_v, _), (vocabulary, d, depth, mlp, heads, groups, head) = sizes
    n = (resolution // PATCH) ** 2
    length = n + text
    vision = depth_v * (2 * n * (4 * dv * dv + 2 * dv * mlp_v) + 4 * n * n * dv)
    decoder = depth * (2 * length * (d * head * (2 * heads + 2 * groups) + 3 * d * mlp) + 4 * length**2 * heads * head)
    return batch * (3 * (vision + 2 * n * dv * d + decoder + 2 * text * d * vocabulary) + 2 * 2 * n * 3 * PATCH**2 * dv)


def cannot_compile():
    """Why torch.compile would fail on a CPU: it translates to C++. None where it can work."""
    compiler = os.environ.get("CXX", "g++")
    if not shutil.which(compiler):
        return f"torch.compile needs the compiler {compiler}, which is not on the PATH (Debian: apt install g++)"
    if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        return "torch.compile needs Python.h, which this Python lacks (Debian: apt install python3-dev)"
    return None


def peak_memory():
    """The most resident memory of this process, in bytes; None where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def numbers(count):
    def parse(text):
        values = tuple(int(word) for word in text.split(","))
        if len(values) != count:
            raise argparse.ArgumentTypeError(f"{count} numbers are expected, got {text}")
        return values

    return parse


def main():
    if sys.argv[1:] == ["--probe"]:
        both = all(importlib.util.find_spec(name) for name in ("PIL", "numpy"))
        print(json.dumps({"torch": torch.__version__, "cannotCompile": cannot_compile(), "pillowAndNumpy": both}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES)
    parser.add_argument("--vision", type=numbers(4))
    parser.add_argument("--language", type=numbers(7))
    parser.add_argument("--resolution", type=int, required=True)
    parser.add_argument("--text", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json")
    a = parser.parse_args()
    if (a.size is None) == (a.vision is None or a.language is None):
        parser.error("give either --size, or --vision and --language")
    sizes = SIZES[a.size] if a.size else (a.vision, a.language)
    if a.threads:
        torch.set_num_threads(a.threads)
    gpu = a.device.startswith("cuda")
    torch.manual_seed(0)
    with torch.device(a.device):
        model = PaliGemma(sizes, a.resolution, a.text)
        images = torch.rand(a.batch, a.resolution, a.resolution, 3) * 2 - 1
        tokens = torch.randint(sizes[1][0], (a.batch, a.text + 1))
        weights = torch.zeros(a.batch, a.text)
    supervised = a.text - a.text // 4
    weights[:, a.text // 4 :] = 1 / (supervised * a.batch)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}], lr=1e-4, fused=True
    )
    forward = torch.compile(model) if a.compile else model

    def synchronize():
        if gpu:
            torch.cuda.synchronize()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(a.device.split(":")[0], torch.bfloat16, enabled=a.precision == "bf16"):
            loss = forward(images, tokens[:, :-1], tokens[:, 1:], weights)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def warm_up():
        return [step() for _ in range(2)]

    try:
        warm_up()
    except torch.cuda.OutOfMemoryError:
        model.twice = True
    if model.twice:
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        warm_up()
    seconds = []
    for _ in range(a.steps):
        synchronize()
        began = time.perf_counter()
        step()
        synchronize()
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    gigaflop = flops(sizes, a.resolution, a.text, a.batch) / 1e9
    figures = {
        "torch": torch.__version__,
        "compiled": a.compile,
        "blocksTwice": model.twice,
        "secondsPerStep": median,
        "fastestStep": min(seconds),
        "examplesPerSecond": a.batch / median,
        "gigaflopPerStep": gigaflop,
        "gigaflopsPerSecond": gigaflop / median,
        "peakMemoryBytes": peak_memory(),
    }
    if gpu:
        figures["gpu"] = torch.cuda.get_device_name()
        figures["gpuMemoryBytes"] = torch.cuda.max_memory_reserved()
    text = json.dumps(figures, indent=2)
    print(text)
    if a.json:
        with open(a.json, "w") as out:
            out.write(text + "\n")


if __name__ == "__main__":
    main()
