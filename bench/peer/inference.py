#!/usr/bin/env python3
"""PyTorch's side of `bench compare`, beside a script that trains: facts about its networks, and the speed of inference.

    inference.py --script PEER.py --describe MODEL [MODEL ...]
    inference.py --script PEER.py MODEL [--dtype f32|bf16] [--layout nchw|nhwc] [--compile] [--seconds 20] [--threads 2]

PEER.py is the script that `bench compare` has as --peer. It is loaded without being run, and has a table MODELS: name ->
(constructor, batch, side, classes). `--describe` prints an object with parameters, batch, side and classes of each model.
Otherwise one pass is: forward in evaluation mode, without gradients, on one fixed batch. With --compile the compiler also
folds batch norm into convolutions and packs the weights beforehand ("freezing"), which it can only do for inference.
"""
import argparse
import importlib.util
import json
import os
import statistics
import sys
import time


def networks_of(script):
    spec = importlib.util.spec_from_file_location("peer", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MODELS


def describe(models, names):
    facts = {}
    for name in names:
        if name in models:
            build, batch, side, classes = models[name]
            count = sum(p.numel() for p in build().parameters())
            facts[name] = {"parameters": count, "batch": batch, "side": side, "classes": classes}
    return facts


def measure(models, options):
    if options.compile:
        # Read when the compiler is imported.
        os.environ["TORCHINDUCTOR_FREEZING"] = "1"
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    build, batch, side, _ = models[options.models[0]]
    layout = torch.channels_last if options.layout == "nhwc" else torch.contiguous_format
    model = build().to(memory_format=layout).eval()
    images = torch.randn(batch, 3, side, side).to(memory_format=layout)
    run = torch.compile(model) if options.compile else model
    times = []
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bf16"):
        for _ in range(3):
            run(images)
        end = time.perf_counter() + options.seconds
        while time.perf_counter() < end or len(times) < 5:
            start = time.perf_counter()
            run(images)
            times.append(time.perf_counter() - start)
    median = statistics.median(times)
    return {
        "peer": "pytorch " + torch.__version__,
        "model": options.models[0],
        "dtype": options.dtype,
        "layout": options.layout,
        "compile": options.compile,
        "threads": options.threads,
        "batch": batch,
        "steps": len(times),
        "step_ms": {"median": median * 1e3, "min": min(times) * 1e3, "max": max(times) * 1e3},
        "images_per_second": batch / median,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--script", required=True, metavar="PEER.py")
    parser.add_argument("--describe", action="store_true")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--layout", choices=["nchw", "nhwc"], default="nchw")
    parser.add_argument("--fused", action="store_true", help="an optimizer's option, taken and passed over")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    models = networks_of(options.script)
    if options.describe:
        print(json.dumps(describe(models, options.models)))
        return
    if options.models[0] not in models or len(options.models) > 1:
        sys.exit("inference.py: expected one of " + ", ".join(models))
    print(json.dumps(measure(models, options)))


if __name__ == "__main__":
    main()
