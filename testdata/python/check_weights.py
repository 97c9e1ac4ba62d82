#!/usr/bin/env python3
"""Compares this program with PyTorch on whole networks of torchvision, both ways.

    python3 testdata/python/check_weights.py [--hornbeam ./hornbeam] [--models resnet18,resnet50]     # needs torch and torchvision

For each network, with random weights and random running statistics: saves its state dict in both formats of torch.save,
lets "hornbeam predict" compute logits from it, and "hornbeam weights convert" write it anew, which is loaded back with
strict=True and computes the same. Prints the largest differences and exits with 1 where one is above 1e-4 of the largest logit,
or above 1e-4 where all logits are small.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import load_file

# Names there: names here.
MODELS = {"resnet18": "resnet18_imagenet", "resnet34": "resnet34_imagenet", "resnet50": "resnet50", "resnet101": "resnet101"}
LARGEST = 1e-4


def torchvision_models():
    """torchvision.models; where torchvision's own operators do not fit this torch, without them: no network here uses them."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for _ in range(50):
        try:
            from torchvision import models

            return models
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if not missing:
                raise
            library.define(missing.group(1) + "(Tensor x) -> Tensor")
            for name in [name for name in sys.modules if name.startswith("torchvision")]:
                del sys.modules[name]
    raise RuntimeError("torchvision cannot be imported")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def check(models, hornbeam, name, folder):
    torch.manual_seed(3)
    network = getattr(models, name)()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 2)
    network.eval()
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        wanted = network(images)
    file = os.path.join
    np.save(file(folder, "x.npy"), images.permute(0, 2, 3, 1).contiguous().numpy())
    torch.save(network.state_dict(), file(folder, "zip.pth"))
    torch.save({"state_dict": network.state_dict()}, file(folder, "old.pth"), _use_new_zipfile_serialization=False)
    differences = {}
    for format in ("zip", "old"):
        run(hornbeam, "predict", "--checkpoint", file(folder, format + ".pth"), "--model", MODELS[name],
            "--input", file(folder, "x.npy"), "--output", file(folder, "y.npy"))
        got = torch.from_numpy(np.load(file(folder, "y.npy")))
        differences[format] = (got - wanted).abs().max().item()
    print(run(hornbeam, "weights", "convert", file(folder, "old.pth"), file(folder, "out.safetensors"), "--model", MODELS[name]))
    exported = load_file(file(folder, "out.safetensors"))
    assert set(exported) == set(network.state_dict()), set(exported) ^ set(network.state_dict())
    fresh = getattr(models, name)()
    fresh.load_state_dict(exported, strict=True)
    fresh.eval()
    with torch.no_grad():
        differences["export"] = (fresh(images) - wanted).abs().max().item()
    print(name, "logits up to", f"{wanted.abs().max().item():.3f};", "largest differences",
          ", ".join(f"{key} {value:.2e}" for key, value in differences.items()))
    return max(differences.values()) <= LARGEST * max(1, wanted.abs().max().item())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hornbeam", default="./hornbeam")
    parser.add_argument("--models", default="resnet18")
    options = parser.parse_args()
    models = torchvision_models()
    with tempfile.TemporaryDirectory() as folder:
        results = [check(models, options.hornbeam, name, folder) for name in options.models.split(",")]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
