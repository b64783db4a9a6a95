#!/usr/bin/env python3
"""Checks the event files of a run with TensorBoard's own reader.

    pip install tensorboard
    peers/tensorboard_events.py RUN

For each stage, every number of every line of metrics.jsonl must be a scalar of the event file, at the
line's number of examples and with the float32 of its value; and the event file must have no other.
"""

import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def flatten(line, path=""):
    for name, value in line.items():
        if isinstance(value, dict):
            yield from flatten(value, path + name + "/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield path + name, value


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def expected(metrics):
    series = {}
    for text in metrics.read_text().splitlines():
        line = json.loads(text)
        step = line["examples"]
        for tag, value in flatten(line):
            if tag not in ("step", "examples"):
                series.setdefault(tag, []).append((step, float32(value)))
    return series


def found(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    series = {tag: [(e.step, float32(e.value)) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:
        series[tag] = [(e.step, e.tensor_proto.float_val[0]) for e in events.Tensors(tag)]
    return series


def main():
    run = pathlib.Path(sys.argv[1])
    wrong = 0
    stages = sorted(metrics.parent for metrics in run.glob("*/metrics.jsonl"))
    for stage in stages:
        wanted, got = expected(stage / "metrics.jsonl"), found(stage / "tensorboard")
        differing = sorted(tag for tag in wanted.keys() | got.keys() if wanted.get(tag) != got.get(tag))
        values = sum(len(points) for points in got.values())
        print(f"{stage.name}: {len(got)} tags, {values} values, {len(differing)} tags differ {differing[:3]}")
        wrong += len(differing) + (not got)
    sys.exit(1 if wrong or not stages else 0)


main()
