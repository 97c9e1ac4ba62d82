"""The golden cases of ops that draw: PyTorch's arithmetic on the numbers of philox_reference.py."""
import struct

import torch
import torch.nn.functional as F

import philox_reference as philox
from golden_file import CONVOLUTION, EXACT, GoldenFile, Tolerance, conv_attributes, detached, gradients, leaf, nchw, nhwc
from golden_layers import BATCH_NORM_DEFAULTS


def f32_of(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def normals(seed, purpose, tensor, step, stream, *shape):
    n = 1
    for s in shape:
        n *= s
    z = []
    for index in range((n + 3) // 4):
        words = philox.block(seed, purpose, tensor, step, stream, index)
        z += [f32_of(b) for b in philox.normals(words[0], words[1]) + philox.normals(words[2], words[3])]
    return torch.tensor(z[:n], dtype=torch.float64).reshape(shape)


def uniforms(seed, purpose, tensor, step, stream, n):
    return torch.tensor([float(philox.uniform(philox.word(seed, purpose, tensor, step, stream, e))) for e in range(n)],
                        dtype=torch.float64)


def noise():
    f = GoldenFile("noise", 12, CONVOLUTION)
    seed, tensor, step, first = 0x1234567890ABCDEF, 5, 42, 6
    weight_noise = philox.PURPOSES.index("WEIGHT_NOISE")

    def rounded(x):
        """f32 bits even when GoldenFile.add runs in f64: these cases are exact."""
        return x.float()

    stream = {"seed": str(seed), "purpose": 0, "tensor": 3, "step": 7, "stream": 9}
    z = normals(seed, 0, 3, 7, 9, 3, 7)
    f.add("random_normal.standard", "random_normal", {**stream, "mean": 0.0, "deviation": 1.0}, {},
          lambda t: {"y": rounded(z)}, EXACT)
    fused = torch.tensor([float(philox.fma(philox.Fraction(0.1015625), philox.Fraction(v), philox.Fraction(1.0)))
                          for v in z.flatten().tolist()], dtype=torch.float64).reshape(z.shape)
    f.add("random_normal.scaled", "random_normal", {**stream, "mean": 1.0, "deviation": 0.1015625}, {},
          lambda t: {"y": rounded(fused)}, EXACT)
    u = uniforms(seed, 0, 3, 7, 9, 21).reshape(3, 7)
    f.add("random_uniform.unit", "random_uniform", {**stream, "low": 0.0, "high": 1.0}, {},
          lambda t: {"y": rounded(u)}, EXACT)
    f.add("random_uniform.range", "random_uniform", {**stream, "low": -2.0, "high": 0.5}, {},
          lambda t: {"y": -2 + 2.5 * u},
          Tolerance(absolute=1e-6))

    dropout = philox.PURPOSES.index("DROPOUT")
    for name, channels, shape, p in (("elements", 0, (5, 9), 0.25), ("image", 0, (2, 3, 3, 4), 0.5),
                                     ("channels", 1, (4, 3, 2, 10), 0.25)):
        n = 1
        for s in shape:
            n *= s
        draws = uniforms(seed, dropout, 3, 7, 0, shape[0] * shape[-1] if channels else n)
        draws = draws.reshape(shape[0], 1, 1, shape[-1]) if channels else draws.reshape(shape)
        kept = draws >= p

        def compute(t, kept=kept, p=p):
            x = leaf(t["x"])
            y = x * kept.to(x.dtype) / (1 - p)
            return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

        f.add(f"dropout.{name}", "dropout", {"p": p, "channels": channels, "seed": str(seed), "purpose": dropout, "tensor": 3,
                                             "step": 7, "stream": 0},
              {"x": f.normal(*shape), "dy": f.normal(*shape)}, compute, Tolerance(relative=1e-6))

    def attributes(kind, sigma, runs, chain):
        return {"noise_kind": kind, "sigma": sigma, "sub_batches": runs, "gradient": "chain_rule" if chain else "at_perturbed",
                "seed": str(seed), "tensor": tensor, "step": step, "first_stream": first}

    def perturbed(w, kind, sigma, m):
        """The weight that run m sees, and the factor of the chain rule."""
        z = normals(seed, weight_noise, tensor, step, first + m, *w.shape).to(w.dtype)
        return (w * (1 + sigma * z), 1 + sigma * z) if kind == "multiplicative" else (w + sigma * z, torch.ones_like(z))

    def runs_of(n, runs):
        return [(m * n // runs, (m + 1) * n // runs) for m in range(runs)]

    def case(name, op, more, inputs, weight, forward, kind, sigma, runs, chain):
        """forward(part of x, perturbed weight, further leaves): one run; only `weight` is perturbed."""
        def compute(t):
            x = leaf(t["x"])
            others = {n: leaf(t[n]) for n in ("bias", "beta") if n in t}
            weights, factors, ys = [], [], []
            for m, (start, stop) in enumerate(runs_of(x.shape[0], runs)):
                w, factor = perturbed(t[weight], kind, sigma, m)
                weights.append(leaf(w))
                factors.append(factor)
                ys.append(forward(x[start:stop], weights[-1], **others))
            y = torch.cat(ys, 0)
            grads = torch.autograd.grad(y, [x, *others.values(), *weights], t["dy"])
            dw = sum(g * (factor if chain else 1) for g, factor in zip(grads[1 + len(others):], factors))
            return detached({"y": y, "dx": grads[0], "d" + weight: dw,
                             **{"d" + n: g for n, g in zip(others, grads[1:])}})

        f.add(name, op, {**more, **attributes(kind, sigma, runs, chain)}, inputs, compute)

    f.add("perturb_weight.multiplicative", "perturb_weight", {**attributes("multiplicative", 0.2, 4, 0), "sub_batch": 2},
          {"w": f.normal(4, 3, 3, 2)}, lambda t: {"y": perturbed(t["w"], "multiplicative", 0.2, 2)[0]}, Tolerance(relative=1e-6, absolute=1e-6))
    f.add("perturb_weight.additive", "perturb_weight", {**attributes("additive", 0.2, 4, 0), "sub_batch": 0},
          {"w": f.normal(5, 7)}, lambda t: {"y": perturbed(t["w"], "additive", 0.2, 0)[0]}, Tolerance(relative=1e-6, absolute=1e-6))

    for name, kind, sigma, runs, chain, n in (("multiplicative_m4", "multiplicative", 0.2, 4, 0, 8),
                                              ("multiplicative_m3_uneven", "multiplicative", 0.2, 3, 0, 8),
                                              ("chain_rule_m2", "multiplicative", 0.25, 2, 1, 6),
                                              ("additive_m2", "additive", 0.1, 2, 0, 6),
                                              ("m1", "multiplicative", 0.1, 1, 0, 4)):
        case(f"linear_noise.{name}", "linear", {},
             {"x": f.normal(n, 10), "w": f.normal(7, 10, scale=0.3), "bias": f.normal(7), "dy": f.normal(n, 7)}, "w",
             lambda x, w, bias: F.linear(x, w, bias), kind, sigma, runs, chain)
    for name, sx, o, k, s, kind, sigma, runs, chain in (
            ("multiplicative_m4", (8, 5, 6, 4), 6, 3, 1, "multiplicative", 0.2, 4, 0),
            ("stride2_m2", (4, 7, 7, 3), 5, 3, 2, "multiplicative", 0.2, 2, 0),
            ("k1_m2", (4, 4, 4, 6), 8, 1, 1, "multiplicative", 0.2, 2, 0),
            ("chain_rule_m2", (4, 5, 5, 3), 4, 3, 1, "multiplicative", 0.25, 2, 1),
            ("additive_m2", (4, 5, 5, 3), 4, 3, 1, "additive", 0.1, 2, 0),
            ("c16_m2", (4, 6, 6, 16), 16, 3, 1, "multiplicative", 0.2, 2, 0)):
        def forward(x, w, k=k, s=s):
            return nhwc(F.conv2d(nchw(x), nchw(w), None, s, k // 2))

        x, w = f.normal(*sx), f.normal(o, k, k, sx[3], scale=(k * k * sx[3]) ** -0.5)
        case(f"conv2d_noise.{name}", "conv2d", conv_attributes((s, s), (k // 2, k // 2), (1, 1), 1),
             {"x": x, "w": w, "dy": f.normal(*forward(x, w).shape)}, "w", forward, kind, sigma, runs, chain)

    def norm_case(name, op, more, shape, normalise, kind, sigma, runs, chain):
        """Normalisation sees the whole batch; gamma is perturbed per run."""
        def compute(t):
            x, beta = leaf(t["x"]), leaf(t["beta"])
            hat = normalise(x)
            gammas, factors, ys = [], [], []
            for m, (start, stop) in enumerate(runs_of(x.shape[0], runs)):
                gamma, factor = perturbed(t["gamma"], kind, sigma, m)
                gammas.append(leaf(gamma))
                factors.append(factor)
                ys.append(hat[start:stop] * gammas[-1] + beta)
            y = torch.cat(ys, 0)
            grads = torch.autograd.grad(y, [x, beta, *gammas], t["dy"])
            dgamma = sum(g * (factor if chain else 1) for g, factor in zip(grads[2:], factors))
            return detached({"y": y, "dx": grads[0], "dgamma": dgamma, "dbeta": grads[1]})

        c = shape[-1]
        f.add(name, op, {**more, **attributes(kind, sigma, runs, chain)},
              {"x": f.normal(*shape), "gamma": f.normal(c, scale=0.3, shift=1.0), "beta": f.normal(c), "dy": f.normal(*shape)},
              compute)

    def flat_norm(x):
        return F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, None, None, True, 0.0, 1e-5).reshape(x.shape)

    bn = {**BATCH_NORM_DEFAULTS, "update_running": 0}
    norm_case("batch_norm_noise.synchronised_m4", "batch_norm", bn, (8, 3, 3, 6), flat_norm, "multiplicative", 0.2, 4, 0)
    norm_case("batch_norm_noise.chain_rule_m2", "batch_norm", bn, (6, 3, 3, 5), flat_norm, "multiplicative", 0.2, 2, 1)
    norm_case("batch_norm_noise.groups_m2", "batch_norm", {**bn, "statistics_groups": 2}, (6, 3, 3, 5),
              lambda x: torch.cat([flat_norm(h) for h in x.chunk(2, 0)], 0), "multiplicative", 0.2, 2, 0)
    norm_case("group_norm_noise.m2", "group_norm", {"groups": 2, "epsilon": 1e-5}, (4, 3, 3, 6),
              lambda x: F.group_norm(x.movedim(-1, 1), 2, None, None, 1e-5).movedim(1, -1), "multiplicative", 0.2, 2, 0)
    norm_case("layer_norm_noise.m2", "layer_norm", {"epsilon": 1e-5}, (4, 5, 9),
              lambda x: F.layer_norm(x, x.shape[-1:], None, None, 1e-5), "multiplicative", 0.2, 2, 0)
    return f


FILES = [noise]
