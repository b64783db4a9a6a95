#!/usr/bin/env python3
"""Brings the metrics of a run into an experiment tracker, by the tracker's own program.

    pip install mlflow-skinny          (or wandb, or trackio)
    peers/track.py mlflow RUN          a run of MLflow for each stage; MLFLOW_TRACKING_URI says where
    peers/track.py wandb RUN           likewise; WANDB_MODE=offline needs no account
    peers/track.py trackio RUN

Numbers of metrics.jsonl are metrics whose name is their path, as learningRate/vision; the step is the
number of examples of the stage. The recipe is logged as a parameter or configuration.
"""

import datetime
import json
import pathlib
import re
import sys


def flatten(line, path=""):
    for name, value in line.items():
        if isinstance(value, dict):
            yield from flatten(value, path + name + "/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield path + name, float(value)


def lines(stage):
    for text in (stage / "metrics.jsonl").read_text().splitlines():
        line = json.loads(text)
        time = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
        metrics = {tag: value for tag, value in flatten(line) if tag not in ("step", "examples")}
        yield line["examples"], time, metrics


def to_mlflow(run, stages):
    import mlflow
    from mlflow.entities import Metric

    client = mlflow.MlflowClient()
    mlflow.set_experiment(run.name)
    for stage in stages:
        with mlflow.start_run(run_name=stage.name) as made:
            mlflow.log_text((run / "recipe.yaml").read_text(), "recipe.yaml")
            for step, time, metrics in lines(stage):
                # MLflow's names have fewer characters than patterns of parameters.
                batch = [
                    Metric(re.sub(r"[^\w/. -]", "_", tag), value, int(1000 * time), step)
                    for tag, value in metrics.items()
                ]
                client.log_batch(made.info.run_id, metrics=batch)


def to_wandb_like(module, run, stages, **options):
    for stage in stages:
        tracked = module.init(project=run.name, name=stage.name, config={"run": str(run)}, **options)
        for step, time, metrics in lines(stage):
            tracked.log(metrics, step=step)
        tracked.finish()


def main():
    tracker, run = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    stages = sorted(metrics.parent for metrics in run.glob("*/metrics.jsonl"))
    if not stages:
        sys.exit(f"{run} has no stage with a metrics.jsonl")
    if tracker == "mlflow":
        to_mlflow(run, stages)
    elif tracker == "wandb":
        import wandb

        to_wandb_like(wandb, run, stages)
    elif tracker == "trackio":
        import trackio

        to_wandb_like(trackio, run, stages)
    else:
        sys.exit(f"expected mlflow, wandb or trackio, got {tracker}")
    print(f"{len(stages)} stages")


main()
