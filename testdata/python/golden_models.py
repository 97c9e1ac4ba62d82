"""The golden cases of whole networks: logits, gradients and ten training steps of small residual networks.

Tensors here are in PyTorch's layout (NCHW, OIHW), as in a state dict; only files of single ops are NHWC.
"""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden_file import save

STEPS = 10
SGD = {"learning_rate": 0.01, "momentum": 0.9, "nesterov": 1, "weight_decay": 5e-4}


class Rectifier:
    """ReLU that remembers how near to its kink anything came."""

    def __init__(self):
        self.nearest = float("inf")

    def __call__(self, x):
        self.nearest = min(self.nearest, x.detach().abs().min().item())
        return F.relu(x)


class BasicBlock(nn.Module):
    """He et al. 2016: two 3x3 convolutions; the shortcut is a strided 1x1 convolution or option A's padded slice."""

    def __init__(self, inputs, outputs, stride, option_a, relu):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu, self.pad = relu, (outputs - inputs) // 2 if option_a else 0
        self.shortcut = nn.Sequential()
        if not option_a and (stride != 1 or inputs != outputs):
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        h = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad)) if self.pad else self.shortcut(x)
        return self.relu(h + short)


class ResNet(nn.Module):
    """3x3 stem, stages of basic blocks, global average, one linear layer."""

    def __init__(self, channels, widths, blocks, option_a, relu, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.stages, self.relu, inputs = len(widths), relu, widths[0]
        for stage, width in enumerate(widths):
            layers = []
            for block in range(blocks):
                layers.append(BasicBlock(inputs, width, 2 if stage and not block else 1, option_a, relu))
                inputs = width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


def initial(model, generator):
    """f32 numbers with every kind of parameter and statistic away from its default, so that a mix-up shows."""
    state = {}
    for name, value in model.state_dict().items():
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        elif name.endswith("running_var"):
            state[name] = 0.5 + 1.5 * torch.rand(value.shape, generator=generator)
        elif value.dim() == 4:
            state[name] = noise * (2 / (value.shape[0] * value.shape[2] * value.shape[3])) ** 0.5
        elif name == "fc.weight":
            state[name] = noise * value.shape[1] ** -0.5
        elif name.endswith(".weight"):
            state[name] = 1 + 0.2 * noise
        else:
            state[name] = 0.1 * noise
    return state


def run(make, state, x, targets, dtype):
    """Everything that the file holds, computed in one precision."""
    relu = Rectifier()
    model = make(relu).to(dtype)
    model.load_state_dict({k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()})
    out = {}
    model.eval()
    with torch.no_grad():
        out["logits_eval"] = model(x.to(dtype))
    model.train()
    sgd = torch.optim.SGD(model.parameters(), lr=SGD["learning_rate"], momentum=SGD["momentum"], nesterov=True,
                          weight_decay=SGD["weight_decay"])
    losses = []
    for step in range(STEPS):
        leaf = x.detach().clone().to(dtype).requires_grad_()
        logits = model(leaf)
        loss = F.cross_entropy(logits, targets)
        sgd.zero_grad()
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            out["logits"], out["loss"], out["input_gradient"] = logits.detach(), loss.detach(), leaf.grad
            out.update({"gradients/" + n: p.grad.clone() for n, p in model.named_parameters()})
            out.update({"statistics_after1/" + n: b.clone() for n, b in model.named_buffers() if b.is_floating_point()})
        sgd.step()
    out["losses"] = torch.stack(losses)
    model.eval()
    with torch.no_grad():
        out["logits_eval_after10"] = model(x.to(dtype))
    for name in ("conv1.weight", "bn1.weight", "bn1.bias", "fc.weight", "fc.bias"):
        out["weights_after10/" + name] = model.state_dict()[name].clone()
    return out, relu.nearest


# Largest difference over the largest element of the tensor. Ten steps of training amplify rounding.
TOLERANCES = {"logits_eval": 5e-5, "logits": 5e-5, "loss": 5e-5, "input_gradient": 5e-4, "gradients/": 5e-4,
              "statistics_after1/": 2e-5, "losses": 1e-3, "logits_eval_after10": 1e-2, "weights_after10/": 1e-3}


def tolerance_of(name):
    return next(t for prefix, t in TOLERANCES.items() if name == prefix or (prefix.endswith("/") and name.startswith(prefix)))


def write(folder, name, attributes, size, make):
    # Of a few seeds the one that keeps farthest from every ReLU's kink, so that rounding does not decide a gradient.
    best = None
    for seed in range(16):
        g = torch.Generator().manual_seed(seed)
        state = initial(make(F.relu), g)
        x = torch.randn(4, attributes["channels"], *size, generator=g)
        targets = torch.randint(0, 10, (4,), generator=g)
        wanted, nearest = run(make, state, x, targets, torch.float64)
        if best is None or nearest > best[0]:
            best = nearest, state, x, targets, wanted
    nearest, state, x, targets, wanted = best
    single, _ = run(make, state, x, targets, torch.float32)
    worst = ("", 0.0)
    for key, value in wanted.items():
        share = ((single[key].double() - value).abs().max() / value.abs().max() / tolerance_of(key)).item()
        assert share <= 0.5, f"{name}: {key}: f32 PyTorch uses {share:.2f} of the tolerance"
        worst = max(worst, (key, share), key=lambda p: p[1])

    tensors = {"weights/" + k: v for k, v in state.items()}
    tensors.update({"input": x, "targets": targets, **{k: v.float() for k, v in wanted.items()}})
    metadata = {"model": json.dumps({**attributes, "layout": "NCHW, OIHW", "optimizer": {"name": "sgd", **SGD}, "steps": STEPS,
                                     "of_largest": TOLERANCES})}
    path = os.path.join(folder, name + ".safetensors")
    save(tensors, path, metadata)
    parameters = sum(v.numel() for k, v in wanted.items() if k.startswith("gradients/"))
    return (f"{name}: {parameters} parameters, {os.path.getsize(path)} bytes; nearest to a kink {nearest:.1e}; "
            f"f32 PyTorch uses at most {worst[1]:.3f} of a tolerance ({worst[0]}); "
            f"losses {', '.join(f'{v:.4f}' for v in wanted['losses'].tolist())}")


def resnet18(channels, side):
    def make_file(folder, name):
        attributes = {"network": "resnet18", "stem": "cifar", "channels": channels, "base_width": 4, "classes": 10}
        return write(folder, name, attributes, (side, side),
                     lambda relu: ResNet(channels, (4, 8, 16, 32), 2, False, relu))

    return make_file


def resnet20(folder, name):
    attributes = {"network": "resnet20", "shortcut": "option A", "channels": 3, "base_width": 8, "classes": 10}
    return write(folder, name, attributes, (32, 32), lambda relu: ResNet(3, (8, 16, 32), 3, True, relu))


FILES = {
    "model.resnet18w4_28x28x1": resnet18(1, 28),
    "model.resnet18w4_32x32x3": resnet18(3, 32),
    "model.resnet20w8_32x32x3": resnet20,
}
