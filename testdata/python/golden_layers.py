"""The golden cases of normalisation, ConvBnAct, attention, losses and optimizers."""
import torch
import torch.nn.functional as F

from golden_file import GoldenFile, Tolerance, conv_attributes, detached, gradients, leaf, nchw, nhwc

NORMALISATION = Tolerance(relative=1e-5, of_largest=1e-5)


# ---- normalisation ---------------------------------------------------------------------------------------------------

ACTIVATIONS = {"none": lambda v, slope: v, "relu": lambda v, slope: F.relu(v), "leaky_relu": F.leaky_relu}


def batch_norm_forward(t, leaves, a):
    """y before and after the activation, running statistics afterwards, the statistics used; x is [.., c] or [n, c]."""
    x, runs = leaves["x"], a["statistics_groups"]
    mean, var = t["running_mean"].clone(), t["running_var"].clone()
    parts, used_mean, used_inverse, after_mean, after_var = [], [], [], [], []
    for part in x.chunk(runs, 0) if a["training"] else [x]:
        m, v = mean.clone(), var.clone()
        flat = part.reshape(-1, part.shape[-1])
        y = F.batch_norm(flat, m, v, leaves["gamma"], leaves["beta"], bool(a["training"]), a["momentum"], a["epsilon"])
        parts.append(y.reshape(part.shape))
        flat = flat.detach()
        used_mean.append(flat.mean(0) if a["training"] else mean)
        used_var = flat.var(0, unbiased=False) if a["training"] else var
        used_inverse.append(1 / torch.sqrt(used_var + a["epsilon"]))
        after_mean.append(m)
        after_var.append(v)
    before = torch.cat(parts, 0)
    if "residual" in leaves:
        before = before + leaves["residual"]
    keep = not (a["training"] and a["update_running"])
    facts = {"mean": torch.stack(used_mean), "inverse_deviation": torch.stack(used_inverse),
             "running_mean_after": mean if keep else torch.stack(after_mean).mean(0),
             "running_var_after": var if keep else torch.stack(after_var).mean(0)}
    return before, ACTIVATIONS[a["activation"]](before, a["slope"]), facts


def far_from_kink(draw, before):
    """Draws inputs until nothing is so near the activation's kink that rounding could decide on which side it lies."""
    for _ in range(200):
        inputs = draw()
        if before(inputs).abs().min() > 1e-4:
            return inputs
    raise AssertionError("no draw keeps clear of the kink")


BATCH_NORM_DEFAULTS = {"training": 1, "update_running": 1, "statistics_groups": 1, "activation": "none", "slope": 0.0,
                       "momentum": 0.125, "epsilon": 1e-5}


def with_runs(attributes):
    """Groups of statistics are the runs of the noise argument, here without noise."""
    groups = attributes["statistics_groups"]
    return attributes if groups == 1 else {**attributes, "noise_kind": "none", "sub_batches": groups}


def norm():
    f = GoldenFile("norm", 8, NORMALISATION)

    def batch_norm(name, shape, residual=False, scale=1.0, shift=0.0, tolerance=None, **changes):
        a = with_runs({**BATCH_NORM_DEFAULTS, **changes})
        c = shape[-1]

        def draw():
            return {"x": f.normal(*shape, scale=scale, shift=shift), "gamma": f.normal(c, scale=0.5, shift=1.0), "beta": f.normal(c),
                    "running_mean": f.normal(c), "running_var": f.uniform(c, low=0.5, high=2.0),
                    **({"residual": f.normal(*shape)} if residual else {}), "dy": f.normal(*shape)}

        def compute(t):
            leaves = {n: leaf(t[n]) for n in ("x", "gamma", "beta", "residual") if n in t}
            _, y, facts = batch_norm_forward(t, leaves, a)
            return detached({"y": y, **facts, **gradients(y, leaves, t["dy"])})

        inputs = draw() if a["activation"] == "none" else far_from_kink(draw, lambda t: batch_norm_forward(t, t, a)[0])
        f.add(name, "batch_norm", a, inputs, compute, tolerance)

    batch_norm("batch_norm.train", (4, 5, 6, 8))
    batch_norm("batch_norm.train_matrix", (16, 9))
    batch_norm("batch_norm.train_no_update", (3, 4, 4, 5), update_running=0)
    batch_norm("batch_norm.train_relu", (4, 3, 5, 8), activation="relu")
    batch_norm("batch_norm.train_leaky", (4, 3, 5, 7), activation="leaky_relu", slope=0.1)
    batch_norm("batch_norm.train_residual", (4, 3, 3, 6), residual=True)
    batch_norm("batch_norm.train_residual_relu", (4, 3, 5, 16), residual=True, activation="relu")
    batch_norm("batch_norm.train_groups2", (4, 3, 5, 6), statistics_groups=2)
    batch_norm("batch_norm.train_groups4_relu", (8, 3, 3, 5), statistics_groups=4, activation="relu")
    batch_norm("batch_norm.train_momentum", (4, 3, 3, 4), momentum=0.001, epsilon=1e-3)
    batch_norm("batch_norm.train_offset", (4, 5, 6, 3), shift=50.0, tolerance=Tolerance(relative=1e-5, of_largest=1e-4))
    batch_norm("batch_norm.eval", (4, 3, 3, 8), training=0, update_running=0)
    batch_norm("batch_norm.eval_residual_relu", (4, 3, 3, 8), training=0, update_running=0, residual=True, activation="relu")

    def affine(name, op, attributes, shape, forward, statistics):
        c = shape[-1]

        def compute(t):
            leaves = {n: leaf(t[n]) for n in ("x", "gamma", "beta")}
            y = forward(*leaves.values())
            return detached({"y": y, **statistics(t["x"]), **gradients(y, leaves, t["dy"])})

        f.add(name, op, attributes, {"x": f.normal(*shape, shift=0.5), "gamma": f.normal(c, scale=0.5, shift=1.0),
                                     "beta": f.normal(c), "dy": f.normal(*shape)}, compute)

    def two(x, dims):
        return {"mean": x.mean(dims), "inverse_deviation": 1 / torch.sqrt(x.var(dims, unbiased=False) + 1e-5)}

    for name, shape, groups in (("groups4", (3, 4, 5, 8), 4), ("groups1", (2, 3, 4, 6), 1), ("instance", (2, 4, 3, 5), 5),
                                ("matrix", (5, 12), 3)):
        def group(x, gamma, beta, groups=groups):
            moved = x.movedim(-1, 1)
            return F.group_norm(moved, groups, gamma, beta, 1e-5).movedim(1, -1)

        def statistics(x, groups=groups):
            return two(x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups), (1, 3))

        affine(f"group_norm.{name}", "group_norm", {"groups": groups, "epsilon": 1e-5}, shape, group, statistics)
    for name, shape in (("matrix", (6, 10)), ("rank3", (2, 5, 33))):
        affine(f"layer_norm.{name}", "layer_norm", {"epsilon": 1e-5}, shape,
               lambda x, gamma, beta: F.layer_norm(x, gamma.shape, gamma, beta, 1e-5), lambda x: two(x, (-1,)))
    return f


def conv_bn_act():
    f = GoldenFile("conv_bn_act", 9, Tolerance(relative=1e-5, of_largest=5e-5))

    def case(name, sx, o, k, stride, residual=False, **changes):
        a = with_runs({**BATCH_NORM_DEFAULTS, "activation": "relu", **changes})
        padding = k // 2

        def convolve(t):
            return nhwc(F.conv2d(nchw(t["x"]), nchw(t["w"]), None, stride, padding))

        def draw():
            x, w = f.normal(*sx), f.normal(o, k, k, sx[3], scale=(k * k * sx[3]) ** -0.5)
            shape = convolve({"x": x, "w": w}).shape
            return {"x": x, "w": w, "gamma": f.normal(o, scale=0.5, shift=1.0), "beta": f.normal(o),
                    "running_mean": f.normal(o, scale=0.2), "running_var": f.uniform(o, low=0.5, high=2.0),
                    **({"residual": f.normal(*shape)} if residual else {}), "dy": f.normal(*shape)}

        def forward(t, leaves):
            convolved = convolve(leaves)
            rest = {n: leaves[n] for n in ("gamma", "beta", "residual") if n in leaves}
            return (convolved, *batch_norm_forward(t, {"x": convolved, **rest}, a))

        def compute(t):
            leaves = {n: leaf(t[n]) for n in ("x", "w", "gamma", "beta", "residual") if n in t}
            convolved, _, y, facts = forward(t, leaves)
            return detached({"y": y, "convolved": convolved, **facts, **gradients(y, leaves, t["dy"])})

        f.add(name, "conv_bn_act", {**conv_attributes((stride, stride), (padding, padding), (1, 1), 1), **a},
              far_from_kink(draw, lambda t: forward(t, t)[1]), compute)

    case("conv_bn_act.relu", (2, 6, 6, 4), 8, 3, 1)
    case("conv_bn_act.residual_relu", (2, 6, 6, 8), 8, 3, 1, residual=True)
    case("conv_bn_act.stride2", (2, 7, 7, 4), 8, 3, 2)
    case("conv_bn_act.shortcut", (2, 8, 8, 4), 8, 1, 2, activation="none")
    case("conv_bn_act.leaky", (2, 5, 6, 3), 7, 3, 1, activation="leaky_relu", slope=0.1)
    case("conv_bn_act.groups2", (4, 5, 5, 4), 6, 3, 1, statistics_groups=2)
    case("conv_bn_act.eval_residual_relu", (2, 5, 5, 6), 6, 3, 1, residual=True, training=0, update_running=0)
    case("conv_bn_act.eval_k1", (2, 5, 5, 6), 6, 1, 1, training=0, update_running=0)
    return f


# ---- attention -------------------------------------------------------------------------------------------------------

def attention():
    f = GoldenFile("attention", 17, Tolerance(relative=5e-6, of_largest=5e-6))

    def case(name, n, t, heads, d, spread=1.0, scale=0.0, tolerance=None):
        def compute(a):
            qkv = leaf(a["qkv"])
            q, k, v = qkv.reshape(n, t, 3, heads, d).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, scale=scale if scale else None)
            y = y.transpose(1, 2).reshape(n, t, heads * d)
            return detached({"y": y, **gradients(y, {"qkv": qkv}, a["dy"])})

        f.add(f"attention.{name}", "attention", {"heads": heads, "scale": scale},
              {"qkv": f.normal(n, t, 3 * heads * d, scale=spread), "dy": f.normal(n, t, heads * d)}, compute, tolerance)

    case("small", 2, 5, 2, 4)
    case("one_position", 3, 1, 2, 3)
    case("one_number", 1, 7, 3, 1)
    case("odd", 2, 33, 1, 19)
    case("heads_of_32", 1, 21, 2, 32)
    case("long", 1, 270, 1, 5)
    case("sharp", 2, 9, 2, 8, spread=4.0, tolerance=Tolerance(relative=2e-5, of_largest=2e-5))
    case("scale", 2, 6, 2, 8, scale=0.3125)
    return f


# ---- softmax and losses ----------------------------------------------------------------------------------------------

def loss():
    f = GoldenFile("loss", 10, Tolerance(relative=5e-6, of_largest=2e-6))

    def row_op(name, op, function, x):
        def compute(t):
            leaf_x = leaf(t["x"])
            y = function(leaf_x, -1)
            return detached({"y": y, **gradients(y, {"x": leaf_x}, t["dy"])})

        f.add(name, op, {}, {"x": x, "dy": f.normal(*x.shape)}, compute)

    for op, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
        row_op(f"{op}.matrix", op, function, f.normal(6, 10))
        row_op(f"{op}.rank3", op, function, f.normal(2, 3, 17))
        row_op(f"{op}.wide", op, function, f.normal(5, 10, scale=40.0))
        row_op(f"{op}.shifted", op, function, f.normal(4, 10, shift=500.0))
        row_op(f"{op}.one_class", op, function, f.normal(3, 1))

    def cross_entropy(name, logits, targets, smoothing):
        def compute(t):
            x = leaf(t["logits"])
            y = F.cross_entropy(x, t["targets"], reduction="none", label_smoothing=smoothing)
            return detached({"loss": y, **gradients(y, {"logits": x}, t["dloss"])})

        f.add(name, "cross_entropy", {"smoothing": smoothing},
              {"logits": logits, "targets": targets, "dloss": f.normal(logits.shape[0])}, compute)

    def soft(n, k):
        return F.softmax(2 * f.normal(n, k), -1).float().double()

    cross_entropy("cross_entropy.index", f.normal(8, 10, scale=2.0), f.integers(10, 8), 0.0)
    cross_entropy("cross_entropy.index_wide", f.normal(8, 10, scale=30.0), f.integers(10, 8), 0.0)
    cross_entropy("cross_entropy.index_smoothing", f.normal(8, 10), f.integers(10, 8), 0.1)
    cross_entropy("cross_entropy.index_100", f.normal(5, 100, scale=2.0), f.integers(100, 5), 0.0)
    cross_entropy("cross_entropy.soft", f.normal(8, 10, scale=2.0), soft(8, 10), 0.0)
    cross_entropy("cross_entropy.soft_smoothing", f.normal(8, 10), soft(8, 10), 0.1)

    def reduced(t, mode):
        x = leaf(t["logits"])
        weighted = F.cross_entropy(x, t["targets"], reduction="none") * t["weights"] if "weights" in t else None
        y = weighted.sum() if weighted is not None else F.cross_entropy(x, t["targets"], reduction=mode)
        return detached({"loss": y, "dlogits": torch.autograd.grad(y, x)[0]})

    f.add("cross_entropy.mean", "cross_entropy", {"smoothing": 0.0, "reduction": "mean"},
          {"logits": f.normal(7, 10), "targets": f.integers(10, 7)}, lambda t: reduced(t, "mean"))
    f.add("cross_entropy.weighted_sum", "cross_entropy", {"smoothing": 0.0, "reduction": "sum"},
          {"logits": f.normal(7, 10), "targets": f.integers(10, 7), "weights": f.uniform(7)}, lambda t: reduced(t, "sum"))

    def scores(t):
        p = F.softmax(t["logits"], -1)
        gap = p - F.one_hot(t["targets"], p.shape[1])
        return {"probabilities": p, "loss": F.cross_entropy(t["logits"], t["targets"], reduction="none"),
                "score": gap.square().sum(1)}

    f.add("softmax_scores.a", "softmax_scores", {}, {"logits": f.normal(9, 10, scale=2.0), "targets": f.integers(10, 9)}, scores)
    f.add("softmax_scores.k100", "softmax_scores", {}, {"logits": f.normal(4, 100), "targets": f.integers(100, 4)}, scores)

    def kl(t):
        p, q = leaf(t["p_logits"]), leaf(t["q_logits"])
        y = F.kl_div(F.log_softmax(q, -1), F.log_softmax(p, -1), reduction="none", log_target=True).sum(-1)
        return detached({"loss": y, **gradients(y, {"p_logits": p, "q_logits": q}, t["dloss"])})

    f.add("kl_divergence.a", "kl_divergence", {},
          {"p_logits": f.normal(8, 10, scale=2.0), "q_logits": f.normal(8, 10), "dloss": f.normal(8)}, kl)
    p = f.normal(6, 10)
    # Nearly equal distributions: the divergence is near 0 and its rounding is relative to the terms.
    f.add("kl_divergence.near", "kl_divergence", {},
          {"p_logits": p, "q_logits": (p + f.normal(6, 10, scale=0.05)).float().double(), "dloss": f.normal(6)}, kl,
          Tolerance(relative=1e-5, absolute=1e-6))

    def squared(t):
        x, target = leaf(t["x"]), leaf(t["target"])
        y = F.mse_loss(x, target, reduction="none").flatten(1).sum(1)
        return detached({"loss": y, **gradients(y, {"x": x, "target": target}, t["dloss"])})

    f.add("squared_error.matrix", "squared_error", {},
          {"x": f.normal(5, 10), "target": f.normal(5, 10), "dloss": f.normal(5)}, squared)
    f.add("squared_error.image", "squared_error", {},
          {"x": f.normal(3, 4, 4, 2), "target": f.normal(3, 4, 4, 2), "dloss": f.normal(3)}, squared)
    return f


# ---- optimizers ------------------------------------------------------------------------------------------------------

def optimizer():
    f = GoldenFile("optimizer", 11, Tolerance(relative=2e-6, of_largest=2e-6))
    steps, shapes = 5, ((5, 3), (7,))

    def start():
        inputs = {f"p{i}": f.normal(*s) for i, s in enumerate(shapes)}
        inputs.update({f"g{i}.step{k}": f.normal(*s) for k in range(1, steps + 1) for i, s in enumerate(shapes)})
        return inputs

    def run(t, make, decay, states):
        ps = [torch.nn.Parameter(t[f"p{i}"].clone()) for i in range(len(shapes))]
        opt = make([{"params": [p], "weight_decay": d} for p, d in zip(ps, decay)])
        out = {}
        for k in range(1, steps + 1):
            for i, p in enumerate(ps):
                p.grad = t[f"g{i}.step{k}"].clone()
            opt.step()
            for i, p in enumerate(ps):
                out[f"p{i}.after{k}"] = p.detach().clone()
        for ours, theirs in states.items():
            for i, p in enumerate(ps):
                out[f"{ours}{i}.after{steps}"] = opt.state[p][theirs].detach().clone()
        return out

    def sgd(name, lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=0, decay=(1, 1)):
        f.add(name, "sgd_step", {"learning_rate": lr, "momentum": momentum, "dampening": dampening,
                                 "weight_decay": weight_decay, "nesterov": nesterov, "decay": list(decay), "steps": steps},
              start(), lambda t: run(t, lambda groups: torch.optim.SGD(groups, lr=lr, momentum=momentum, dampening=dampening,
                                                                       nesterov=bool(nesterov)),
                                     [weight_decay * d for d in decay], {"momentum": "momentum_buffer"} if momentum else {}))

    sgd("sgd.plain")
    sgd("sgd.decay", weight_decay=0.01)
    sgd("sgd.momentum", momentum=0.9)
    sgd("sgd.dampening", momentum=0.9, dampening=0.5)
    sgd("sgd.nesterov_decay", momentum=0.9, nesterov=1, weight_decay=5e-4)
    sgd("sgd.decay_of_first_only", momentum=0.9, nesterov=1, weight_decay=0.05, decay=(1, 0))

    def adam(name, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0, amsgrad=0):
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        states = {"first": "exp_avg", "second": "exp_avg_sq", **({"max_second": "max_exp_avg_sq"} if amsgrad else {})}
        f.add(name, "adam_step", {"learning_rate": lr, "beta1": betas[0], "beta2": betas[1], "epsilon": eps,
                                  "weight_decay": weight_decay, "decoupled": decoupled, "amsgrad": amsgrad, "decay": [1, 1],
                                  "steps": steps},
              start(), lambda t: run(t, lambda groups: kind(groups, lr=lr, betas=betas, eps=eps, amsgrad=bool(amsgrad)),
                                     [weight_decay] * 2, states))

    adam("adam.plain")
    adam("adam.decay", weight_decay=0.1)
    adam("adam.amsgrad", amsgrad=1, betas=(0.9, 0.5))
    adam("adamw.plain", decoupled=1, weight_decay=0.1)
    adam("adamw.amsgrad", decoupled=1, weight_decay=0.1, amsgrad=1, betas=(0.9, 0.5))

    def clip(t, limit):
        ps = [torch.nn.Parameter(torch.zeros_like(t[f"g{i}"])) for i in range(2)]
        for i, p in enumerate(ps):
            p.grad = t[f"g{i}"].clone()
        norm = torch.nn.utils.clip_grad_norm_(ps, limit)
        return {"norm": norm.detach(), "g0.after": ps[0].grad, "g1.after": ps[1].grad}

    for name, limit in (("shrinks", 1.0), ("leaves", 100.0)):
        f.add(f"clip_grad_norm.{name}", "global_norm", {"max_norm": limit}, {"g0": f.normal(5, 3), "g1": f.normal(7)},
              lambda t, limit=limit: clip(t, limit))

    # Not in PyTorch: Foret et al. 2021 and Kwon et al. 2021, from their formulas.
    def ascend(t, rho, eta, adaptive):
        scales = [t[f"p{i}"].abs() + eta if adaptive[i] else torch.ones_like(t[f"p{i}"]) for i in range(2)]
        norm = torch.sqrt(sum((s * t[f"g{i}"]).square().sum() for i, s in enumerate(scales)))
        return {"norm": norm, **{f"p{i}.after": t[f"p{i}"] + rho * s.square() * t[f"g{i}"] / norm for i, s in enumerate(scales)}}

    for name, rho, eta, adaptive in (("sam", 0.05, 0.0, (0, 0)), ("asam", 1.0, 0.0, (1, 0)), ("asam_eta", 0.5, 0.01, (1, 1))):
        f.add(f"ascend.{name}", "ascend", {"rho": rho, "eta": eta, "adaptive": int(name != "sam"),
                                           "adaptive_tensor": list(adaptive)},
              {"p0": f.normal(5, 3), "p1": f.normal(7), "g0": f.normal(5, 3), "g1": f.normal(7)},
              lambda t, rho=rho, eta=eta, adaptive=adaptive: ascend(t, rho, eta, adaptive))
    return f


FILES = [norm, conv_bn_act, attention, loss, optimizer]
