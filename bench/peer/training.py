#!/usr/bin/env python3
"""Training steps of PyTorch, to time beside `hornbeam bench train` on the same machine.

    training.py MODEL [--device cuda] [--dtype f32|bf16] [--batch 128] [--seconds 10] [--compile]

MODEL is resnet18, wrn-28-10 or vit-s-16, as in docs/models.md. A step is what `bench train` has: gradients dropped, forward,
mean cross-entropy, backward, SGD with Nesterov momentum 0.9 and weight decay 5e-4 (fused). Images lie in channels-last
memory; bf16 is autocast; f32 products may use TF32 unless --exact is given. Prints one JSON object.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return functional.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class PreActivationBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x):
        y = functional.relu(self.norm1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return shortcut + self.conv2(functional.relu(self.norm2(self.conv1(y))))


class GlobalPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def resnet18():
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for block in range(2):
            layers.append(BasicBlock(inputs, outputs, stride if block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, GlobalPool(), nn.Linear(512, 10)), 32, 10


def wrn_28_10():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
    inputs = 16
    for outputs, stride in ((160, 1), (320, 2), (640, 2)):
        for block in range(4):
            layers.append(PreActivationBlock(inputs, outputs, stride if block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(640), nn.ReLU(), GlobalPool(), nn.Linear(640, 10)), 32, 10


class VisionTransformer(nn.Module):
    def __init__(self, width=384, depth=12, heads=6, patch=16, side=224, classes=1000):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])


MODELS = {"resnet18": resnet18, "wrn-28-10": wrn_28_10, "vit-s-16": lambda: (VisionTransformer(), 224, 1000)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--exact", action="store_true", help="no TF32 in f32")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    a = parser.parse_args()
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = not a.exact
    network, side, classes = MODELS[a.model]()
    network = network.to(a.device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        network.parameters(), 1e-3, momentum=0.9, weight_decay=5e-4, nesterov=True, fused=True)
    images = torch.randn(a.batch, 3, side, side, device=a.device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(classes, (a.batch,), device=a.device)
    run = torch.compile(network) if a.compile else network

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(a.device.split(":")[0], torch.bfloat16, enabled=a.dtype == "bf16"):
            loss = functional.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()  # waits for the device, as bench train does

    for _ in range(3):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < a.seconds:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    median = statistics.median(times)
    print(json.dumps({
        "peer": "PyTorch " + torch.__version__, "model": a.model, "device": a.device, "dtype": a.dtype,
        "tf32": not a.exact, "compile": a.compile, "batch": a.batch,
        "step_ms": {"median": median, "min": min(times), "max": max(times)},
        "images_per_second": 1e3 * a.batch / median}))


if __name__ == "__main__":
    main()
