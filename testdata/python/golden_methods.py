"""Ten steps of SGD, DAMP, DAAP, SAM and ASAM on a small network with batch norm, in f64 and written from the papers' formulas.

Noise is drawn with philox_reference.py's counters; normals are Box and Muller's formula in f64, which differs from the engine's
f32 polynomials by some 1e-7. Everything is Hornbeam's layout (NHWC, OHWI).
"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from golden_file import save

STEPS, BATCH, SIDE, CLASSES, WIDTHS, SEED = 10, 16, 8, 4, (4, 8, 8, 16), 0x123456789ABC
RATE, MOMENTUM, DECAY, BN_MOMENTUM, EPSILON = 0.05, 0.9, 5e-4, 0.1, 1e-5
WEIGHT_NOISE = 2

CASES = {
    "sgd": dict(method="sgd", m=1),
    "sgd_m4_apart": dict(method="sgd", m=4, sync_bn=False),
    "damp_m8": dict(method="damp", m=8, sigma=0.2),
    "damp_m4_apart": dict(method="damp", m=4, sigma=0.3, sync_bn=False),
    "damp_m2_chain": dict(method="damp", m=2, sigma=0.2, chain=True),
    "daap_m8": dict(method="daap", m=8, sigma=0.02),
    "sam": dict(method="sam", m=1, rho=0.1),
    "sam_m4": dict(method="sam", m=4, rho=0.1, sync_bn=False),
    "asam": dict(method="asam", m=1, rho=0.5, eta=0.0),
    "asam_m2": dict(method="asam", m=2, rho=1.0, eta=0.01, sync_bn=False),
}


def words(seed, purpose, tensor, step, stream, blocks):
    """Philox 4x32-10, [blocks, 4]."""
    mask, low = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, v, np.uint64) for v in (tensor, step, purpose << 24 | stream)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> low) ^ c[1] ^ np.uint64(k0), b & mask, (a >> low) ^ c[3] ^ np.uint64(k1), a & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def normals(tensor, step, stream, shape):
    count = int(np.prod(shape))
    u = (words(SEED, WEIGHT_NOISE, tensor, step, stream, (count + 3) // 4) >> np.uint64(8)).astype(np.float64)
    z = np.empty_like(u)
    for pair in (0, 2):
        r, angle = np.sqrt(-2 * np.log((u[:, pair] + 1) * 2.0**-24)), 2 * np.pi * u[:, pair + 1] * 2.0**-24
        z[:, pair], z[:, pair + 1] = r * np.cos(angle), r * np.sin(angle)
    return torch.from_numpy(z.reshape(-1)[:count].reshape(shape))


def parameters():
    g = torch.Generator().manual_seed(11)
    p, channels = {}, 1
    for i, width in enumerate(WIDTHS, 1):
        p[f"conv{i}.weight"] = torch.randn(width, 3, 3, channels, generator=g) * (2 / (9 * width)) ** 0.5
        p[f"bn{i}.weight"] = torch.rand(width, generator=g) + 0.5
        p[f"bn{i}.bias"] = torch.randn(width, generator=g) * 0.1
        channels = width
    p["fc.weight"] = torch.randn(CLASSES, channels, generator=g) * 0.3
    p["fc.bias"] = torch.randn(CLASSES, generator=g) * 0.1
    return {k: v.float() for k, v in p.items()}


def multiplicative(name):
    return name.endswith(".weight")


def ranges(n, parts):
    return [(i * n // parts, (i + 1) * n // parts) for i in range(parts)]


def batch_norm(x, runs, runs_of, groups, name, statistics, update):
    """x [n, c, h, w]; the scales of each run, the statistics of each group."""
    normalised, means, variances = [], [], []
    for first, end in ranges(len(x), groups):
        part = x[first:end]
        count = part.numel() // part.shape[1]
        mean = part.mean((0, 2, 3))
        variance = ((part - mean[:, None, None]) ** 2).mean((0, 2, 3))
        normalised.append((part - mean[:, None, None]) / (variance[:, None, None] + EPSILON).sqrt())
        means.append(mean.detach())
        variances.append(variance.detach() * count / (count - 1))
    if update:
        for key, new in (("running_mean", means), ("running_var", variances)):
            old = statistics[f"{name}.{key}"]
            statistics[f"{name}.{key}"] = (1 - BN_MOMENTUM) * old + BN_MOMENTUM * torch.stack(new).mean(0)
    y = torch.cat(normalised)
    return torch.cat([y[a:b] * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None]
                      for (a, b), w in zip(runs_of, runs)])


def loss_of(runs, x, labels, groups, statistics, update):
    """Mean cross-entropy of the batch x [n, h, w, c], whose run m sees the weights runs[m]."""
    runs_of = ranges(len(x), len(runs))
    y = x.permute(0, 3, 1, 2)
    for i in range(1, 5):
        y = torch.cat([F.conv2d(y[a:b], w[f"conv{i}.weight"].permute(0, 3, 1, 2), padding=1) for (a, b), w in zip(runs_of, runs)])
        y = batch_norm(y, runs, runs_of, groups, f"bn{i}", statistics, update).relu()
        if i in (1, 3):
            y = F.max_pool2d(y, 2)
    y = y.mean((2, 3))
    logits = torch.cat([y[a:b] @ w["fc.weight"].T + w["fc.bias"] for (a, b), w in zip(runs_of, runs)])
    return F.cross_entropy(logits, labels)


def leaves(weights):
    return {k: v.clone().requires_grad_() for k, v in weights.items()}


def gradient(weights, x, labels, groups, statistics, update):
    own = leaves(weights)
    loss = loss_of([own], x, labels, groups, statistics, update)
    loss.backward()
    return loss.item(), {k: v.grad for k, v in own.items()}


def noisy_step(case, weights, x, labels, step, statistics):
    m, runs, factors = case["m"], [], []
    sigma = float(np.float32(case["sigma"]))
    for stream in range(m):
        run, factor = {}, {}
        for index, (name, w) in enumerate(weights.items()):
            value = w.clone()
            if multiplicative(name):
                z = normals(index, step, stream, tuple(w.shape))
                factor[name] = 1 + sigma * z
                value = w * factor[name] if case["method"] == "damp" else w + sigma * z
            run[name] = value.requires_grad_()
        runs.append(run)
        factors.append(factor)
    loss = loss_of(runs, x, labels, 1 if case.get("sync_bn", True) else m, statistics, True)
    loss.backward()
    total = {}
    for name in weights:
        parts = [run[name].grad * (f[name] if case.get("chain") and name in f else 1) for run, f in zip(runs, factors)]
        total[name] = torch.stack(parts).sum(0)
    return loss.item(), total


def ascent(case, weights, g):
    if case["method"] == "sam":
        scale = {k: torch.ones_like(v) for k, v in weights.items()}
    else:
        scale = {k: v.abs() + case["eta"] if multiplicative(k) else torch.ones_like(v) for k, v in weights.items()}
    norm = torch.sqrt(sum(((scale[k] * g[k]) ** 2).sum() for k in g))
    return {k: weights[k] + case["rho"] * scale[k] ** 2 * g[k] / norm for k in g}


def sharp_step(case, weights, x, labels, statistics):
    parts = ranges(len(x), case["m"])
    before, after = dict(statistics), []
    loss, total = 0.0, {k: torch.zeros_like(v) for k, v in weights.items()}
    for first, end in parts:
        own = dict(before)
        share = (end - first) / len(x)
        here, g = gradient(weights, x[first:end], labels[first:end], 1, own, True)
        _, uphill = gradient(ascent(case, weights, g), x[first:end], labels[first:end], 1, own, False)
        loss += share * here
        after.append(own)
        for k in total:
            total[k] += share * uphill[k]
    for k in statistics:
        statistics[k] = torch.stack([own[k] for own in after]).mean(0)
    return loss, total


def train(case, start, images, labels):
    weights = {k: v.double() for k, v in start.items()}
    statistics = {}
    for i, width in enumerate(WIDTHS, 1):
        statistics[f"bn{i}.running_mean"] = torch.zeros(width, dtype=torch.float64)
        statistics[f"bn{i}.running_var"] = torch.ones(width, dtype=torch.float64)
    momentum, losses = {}, []
    for step in range(STEPS):
        x, y = images[step].double(), labels[step]
        if case["method"] == "sgd":
            loss, g = gradient(weights, x, y, 1 if case.get("sync_bn", True) else case["m"], statistics, True)
        elif case["method"] in ("damp", "daap"):
            loss, g = noisy_step(case, weights, x, y, step, statistics)
        else:
            loss, g = sharp_step(case, weights, x, y, statistics)
        losses.append(loss)
        for k in weights:
            d = g[k] + DECAY * weights[k]
            momentum[k] = MOMENTUM * momentum[k] + d if k in momentum else d
            weights[k] = (weights[k] - RATE * (d + MOMENTUM * momentum[k])).detach()
    return {**weights, **statistics, "losses": torch.tensor(losses, dtype=torch.float64)}


def write(folder, file):
    g = torch.Generator().manual_seed(12)
    images = torch.randn(STEPS, BATCH, SIDE, SIDE, 1, generator=g).float()
    labels = torch.randint(CLASSES, (STEPS, BATCH), generator=g)
    start = parameters()
    tensors = {"images": images, "labels": labels, **{f"start/{k}": v for k, v in start.items()}}
    for name, case in CASES.items():
        tensors.update({f"{name}/{k}": v for k, v in train(case, start, images, labels).items()})
    metadata = {"seed": str(SEED), "learning_rate": repr(RATE), "momentum": repr(MOMENTUM), "weight_decay": repr(DECAY),
                **{name: json.dumps(case) for name, case in CASES.items()}}
    path = os.path.join(folder, file + ".safetensors")
    save(tensors, path, metadata)
    first = {name: [round(v, 4) for v in tensors[f"{name}/losses"].tolist()][::3] for name in CASES}
    return f"{file}: {len(CASES)} cases, {os.path.getsize(path)} bytes; losses of every third step {first}"


FILES = {"method.steps": write}
