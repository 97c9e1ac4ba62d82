"""The golden cases of single ops, one function per file."""
import struct

import torch
import torch.nn.functional as F

import philox_reference as philox
from golden_file import EXACT, GoldenFile, Tolerance, detached, gradients, leaf, nchw, nhwc

ELEMENTWISE = Tolerance(relative=2e-6, absolute=1e-6)
SUMS = Tolerance(relative=1e-6, of_largest=4e-6)
# Winograd and other transformed convolutions round more than a plain sum does.
CONVOLUTION = Tolerance(relative=1e-6, of_largest=5e-5)
NORMALISATION = Tolerance(relative=1e-5, of_largest=1e-5)


# ---- elementwise ------------------------------------------------------------------------------------------------------

UNARY = {
    "neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "square": torch.square, "sign": torch.sign, "reciprocal": torch.reciprocal, "relu": F.relu, "leaky_relu": None,
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "sigmoid": torch.sigmoid, "tanh": torch.tanh,
    "clamp": None,
}


def unary():
    f = GoldenFile("unary", 1, ELEMENTWISE)
    kinks = torch.tensor([0.0, 0.5, -0.5, 0.75, 1.0, -1.0, 2.0, -2.0, 1e-3, -1e-3], dtype=torch.float64).float().double()
    wide = {
        "exp": torch.linspace(-87, 88, 57), "log": torch.logspace(-37, 38, 57), "sqrt": torch.logspace(-37, 38, 33),
        "rsqrt": torch.logspace(-20, 20, 33), "reciprocal": torch.logspace(-18, 18, 33),
        "sigmoid": torch.linspace(-80, 80, 57), "tanh": torch.linspace(-40, 40, 57), "gelu": torch.linspace(-12, 12, 57),
        "gelu_tanh": torch.linspace(-12, 12, 57), "near_one": None,
    }
    for kind, function in UNARY.items():
        alpha, beta = {"leaky_relu": (0.1, 0.0), "clamp": (-0.5, 0.75)}.get(kind, (0.0, 0.0))
        if kind == "leaky_relu":
            function = lambda x: F.leaky_relu(x, 0.1)
        if kind == "clamp":
            function = lambda x: torch.clamp(x, -0.5, 0.75)

        def compute(t, function=function):
            x = leaf(t["x"])
            y = function(x)
            return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

        attributes = {"kind": kind, "alpha": alpha, "beta": beta}
        x = f.normal(7, 5, 3)
        if kind in ("log", "sqrt", "rsqrt"):
            x = x.exp().float().double()
        elif kind == "reciprocal":
            x = x + torch.sign(x) * 0.25
            x = x.float().double()
        else:
            x.view(-1)[:10] = kinks
        f.add(f"unary.{kind}", "unary", attributes, {"x": x, "dy": f.normal(7, 5, 3)}, compute)
        if kind in wide:
            x = wide[kind].float().double()
            f.add(f"unary.{kind}_wide", "unary", attributes, {"x": x, "dy": f.normal(*x.shape)}, compute)
        if kind == "log":  # the relative error must stay small where the logarithm does
            x = (1 + torch.cat([-torch.logspace(-7, -1, 13), torch.logspace(-6.9, -1, 13)]).double()).float().double()
            f.add("unary.log_near_one", "unary", attributes, {"x": x, "dy": f.normal(*x.shape)}, compute,
                  Tolerance(relative=2e-6))
    return f


def binary():
    f = GoldenFile("binary", 2, Tolerance(relative=1e-6, of_largest=1e-6))
    shapes = {"same": ((3, 4, 5), (3, 4, 5)), "row": ((3, 4, 5), (5,)), "left": ((4, 1), (2, 4, 3)),
              "both": ((3, 1, 5), (2, 1, 4, 1)), "scalar": ((2, 3), ()), "column": ((4, 6), (4, 1))}
    functions = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "max": torch.maximum,
                 "min": torch.minimum}
    for kind, function in functions.items():
        for shape, (sa, sb) in shapes.items():
            def compute(t, function=function):
                a, b = leaf(t["a"]), leaf(t["b"])
                y = function(a, b)
                return detached({"y": y, **gradients(y, {"a": a, "b": b}, t["dy"])})

            a, b = f.normal(*sa), f.normal(*sb)
            if kind == "div":
                b = (b + torch.sign(b) * 0.5).float().double()
            dy = f.normal(*torch.broadcast_shapes(sa, sb))
            f.add(f"binary.{kind}_{shape}", "binary", {"kind": kind}, {"a": a, "b": b, "dy": dy}, compute)
    compare = {"eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge}
    for kind, function in compare.items():
        a, b = f.integers(4, 3, 4, 5).double(), f.integers(4, 4, 1).double()
        f.add(f"binary.{kind}", "binary", {"kind": kind}, {"a": a, "b": b},
              lambda t, function=function: {"y": function(t["a"], t["b"]).to(torch.uint8)}, EXACT)
    f.add("binary.lt_integers", "binary", {"kind": "lt"}, {"a": f.integers(4, 6, low=-4), "b": f.integers(4, 6, low=-4)},
          lambda t: {"y": (t["a"] < t["b"]).to(torch.uint8)}, EXACT)
    for kind, function in {**functions, **compare}.items():
        def compute(t, kind=kind, function=function):
            y = function(t["a"], torch.tensor(0.75, dtype=t["a"].dtype))
            return {"y": y.to(torch.uint8) if kind in compare else y}

        f.add(f"binary_scalar.{kind}", "binary_scalar", {"kind": kind, "b": 0.75},
              {"a": torch.cat([f.normal(9), torch.tensor([0.75, -0.75], dtype=torch.float64)])}, compute)
    f.add("add_scaled.a", "add_scaled", {"alpha": -0.5}, {"destination": f.normal(4, 5), "source": f.normal(4, 5)},
          lambda t: {"result": t["destination"] - 0.5 * t["source"]})
    f.add("blend.a", "blend", {"beta": 0.875, "alpha": 0.125},
          {"destination": f.normal(4, 5), "source": f.normal(4, 5)},
          lambda t: {"result": 0.875 * t["destination"] + 0.125 * t["source"]})
    return f


# ---- reductions ---------------------------------------------------------------------------------------------------------

def reduce():
    f = GoldenFile("reduce", 3, Tolerance(relative=1e-6, of_largest=2e-6))
    kinds = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin}
    over = {"all": (), "first": (0,), "last": (3,), "middle": (1, 2), "images": (0, 1, 2), "ends": (0, 3)}

    def case(name, kind, x, dimensions, keep, tolerance=None):
        function = kinds[kind]
        dims = tuple(dimensions) or tuple(range(x.dim()))

        def compute(t):
            leaf_x = leaf(t["x"])
            y = function(leaf_x, dim=dims, keepdim=bool(keep))
            return detached({"y": y, **gradients(y, {"x": leaf_x}, t["dy"])})

        shape = function(x, dim=dims, keepdim=bool(keep)).shape
        f.add(name, "reduce", {"kind": kind, "dimensions": list(dimensions), "keep": keep},
              {"x": x, "dy": f.normal(*shape)}, compute, tolerance)

    for kind in kinds:
        for where, dims in over.items():
            case(f"reduce.{kind}_{where}", kind, f.normal(3, 4, 5, 6), dims, 0)
        case(f"reduce.{kind}_keep", kind, f.normal(3, 4, 5, 6), (1, 3), 1)
        case(f"reduce.{kind}_vector", kind, f.normal(13), (0,), 0)
    case("reduce.sum_long", "sum", f.normal(2, 1201), (1,), 0)
    case("reduce.mean_offset", "mean", f.normal(2, 1201, shift=100.0), (1,), 0)
    case("reduce.sum_tall", "sum", f.normal(501, 3), (0,), 0)
    # Equal largest elements share the gradient.
    case("reduce.max_ties", "max", f.integers(3, 6, 7).double(), (1,), 0)
    case("reduce.min_ties", "min", f.integers(3, 6, 7).double(), (0,), 0)

    x = f.integers(5, 8, 9).double()
    f.add("argmax.ties", "argmax", {}, {"x": x}, lambda t: {"y": first_largest(t["x"])}, EXACT)
    f.add("argmax.rank3", "argmax", {}, {"x": f.normal(3, 4, 10)}, lambda t: {"y": t["x"].argmax(-1)}, EXACT)

    def top_k(t, k):
        order = torch.sort(-t["x"], dim=-1, stable=True).indices[..., :k]
        return {"values": t["x"].gather(-1, order), "indices": order}

    f.add("top_k.k3", "top_k", {"k": 3}, {"x": f.normal(5, 10)}, lambda t: top_k(t, 3), EXACT)
    f.add("top_k.ties", "top_k", {"k": 4}, {"x": f.integers(4, 5, 9).double()}, lambda t: top_k(t, 4), EXACT)

    def sort(t, descending):
        s = torch.sort(t["x"], stable=True, descending=descending)
        return {"values": s.values, "indices": s.indices}

    f.add("sort.rising", "sort", {"descending": 0}, {"x": f.normal(37)}, lambda t: sort(t, False), EXACT)
    f.add("sort.falling_ties", "sort", {"descending": 1}, {"x": f.integers(6, 40).double()}, lambda t: sort(t, True), EXACT)
    return f


def first_largest(x):
    largest = x.amax(-1, keepdim=True)
    position = torch.arange(x.shape[-1]).expand_as(x)
    return torch.where(x == largest, position, x.shape[-1]).amin(-1)


# ---- movement -----------------------------------------------------------------------------------------------------------

def movement():
    f = GoldenFile("movement", 4, EXACT)
    SUM = Tolerance(relative=1e-6, of_largest=1e-6)

    for d in range(3):
        shapes = [[2, 3, 4] for _ in range(3)]
        for i, s in enumerate(shapes):
            s[d] = i + 1
        parts = {f"x{i}": f.normal(*s) for i, s in enumerate(shapes)}

        def concat(t, d=d):
            xs = {n: leaf(t[n]) for n in ("x0", "x1", "x2")}
            y = torch.cat(list(xs.values()), d)
            return detached({"y": y, **gradients(y, xs, t["dy"])})

        total = [2, 3, 4]
        total[d] = 6
        f.add(f"concat.dimension{d}", "concat", {"dimension": d}, {**parts, "dy": f.normal(*total)}, concat)

    def pad_case(name, x, before, after, value):
        pads = [p for pair in zip(reversed(before), reversed(after)) for p in pair]

        def compute(t):
            leaf_x = leaf(t["x"])
            y = F.pad(leaf_x, pads, value=value)
            return detached({"y": y, **gradients(y, {"x": leaf_x}, t["dy"])})

        shape = F.pad(x, pads).shape
        f.add(name, "pad", {"before": before, "after": after, "value": value}, {"x": x, "dy": f.normal(*shape)}, compute)

    pad_case("pad.image", f.normal(2, 3, 4, 2), [0, 1, 2, 0], [0, 1, 0, 0], 0.0)
    pad_case("pad.value", f.normal(3, 4), [1, 2], [0, 3], -1.5)
    pad_case("pad.cut", f.normal(5, 6), [-1, 2], [-2, -1], 0.0)
    pad_case("pad.channels", f.normal(2, 2, 2, 4), [0, 0, 0, 2], [0, 0, 0, 2], 0.0)

    def view_case(name, op, attributes, shape, function, tolerance=None):
        def compute(t):
            x = leaf(t["x"])
            y = function(x)
            return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

        x = f.normal(*shape)
        f.add(name, op, attributes, {"x": x, "dy": f.normal(*function(x).shape)}, compute, tolerance)

    view_case("permute.nchw", "permute", {"order": [0, 3, 1, 2]}, (2, 3, 4, 5), lambda x: x.permute(0, 3, 1, 2))
    view_case("permute.matrix", "permute", {"order": [1, 0]}, (3, 5), lambda x: x.t())
    view_case("slice.step2", "slice", {"dimension": 1, "start": 0, "stop": 5, "step": 2}, (2, 5, 3), lambda x: x[:, 0:5:2])
    view_case("slice.inner", "slice", {"dimension": 2, "start": 1, "stop": 3, "step": 1}, (2, 5, 4), lambda x: x[:, :, 1:3])
    view_case("expand.rows", "expand", {"shape": [4, 3, 5]}, (3, 1), lambda x: x.expand(4, 3, 5), SUM)
    view_case("reshape.minus_one", "reshape", {"shape": [4, -1]}, (2, 6, 2), lambda x: x.reshape(4, -1))
    view_case("reshape.of_permuted", "reshape", {"order": [2, 0, 1], "shape": [6, 4]}, (2, 3, 4),
              lambda x: x.permute(2, 0, 1).reshape(6, 4))

    def gather(t):
        x = leaf(t["x"])
        y = x[t["index"]]
        return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

    f.add("gather_rows.f32", "gather_rows", {}, {"x": f.normal(6, 3, 2), "index": torch.tensor([5, 0, 0, 3, 5]),
                                                 "dy": f.normal(5, 3, 2)}, gather, SUM)
    f.add("gather_rows.i64", "gather_rows", {}, {"x": f.integers(1000, 7), "index": torch.tensor([6, 2, 2])},
          lambda t: {"y": t["x"][t["index"]]})
    f.add("scatter_rows.add", "scatter_rows", {"add": 1},
          {"destination": f.normal(5, 3), "index": torch.tensor([1, 4, 1, 0]), "source": f.normal(4, 3)},
          lambda t: {"result": t["destination"].index_add(0, t["index"], t["source"])}, SUM)
    f.add("scatter_rows.set", "scatter_rows", {"add": 0},
          {"destination": f.normal(5, 3), "index": torch.tensor([3, 0, 4]), "source": f.normal(3, 3)},
          lambda t: {"result": t["destination"].index_copy(0, t["index"], t["source"])})

    def take(t):
        x = leaf(t["x"])
        y = x.gather(1, t["index"][:, None])[:, 0]
        return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

    f.add("take_along_rows.a", "take_along_rows", {},
          {"x": f.normal(5, 7), "index": f.integers(7, 5), "dy": f.normal(5)}, take)

    def where(t):
        a, b = leaf(t["a"]), leaf(t["b"])
        y = torch.where(t["condition"].bool(), a, b)
        return detached({"y": y, **gradients(y, {"a": a, "b": b}, t["dy"])})

    f.add("where.broadcast", "where", {}, {"condition": f.integers(2, 3, 1, 4).to(torch.uint8), "a": f.normal(2, 4),
                                           "b": f.normal(3, 2, 4), "dy": f.normal(3, 2, 4)}, where, SUM)

    special = [0.0, -0.0, 1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, 3.3895314e38, -3.4e38, 1e-40, 65504.0, float("inf")]
    x = torch.cat([torch.tensor(special), torch.randn(53, generator=f.generator)])
    # Not through GoldenFile.add's f64: a cast is about the bits of the f32.
    f.add("cast.f32_to_bf16", "cast", {"dtype": "bf16"}, {"x": x}, lambda t: {"y": t["x"].float().to(torch.bfloat16)})
    f.add("cast.bf16_to_f32", "cast", {"dtype": "f32"}, {"x": f.normal(40).to(torch.bfloat16)},
          lambda t: {"y": t["x"].float()})
    f.add("cast.f32_to_i64", "cast", {"dtype": "i64"}, {"x": f.normal(40, scale=100.0)}, lambda t: {"y": t["x"].long()})
    f.add("cast.u8_to_f32", "cast", {"dtype": "f32"}, {"x": f.integers(256, 40).to(torch.uint8)},
          lambda t: {"y": t["x"].float()})
    return f


# ---- linear algebra --------------------------------------------------------------------------------------------------------

def matmul():
    f = GoldenFile("matmul", 5, SUMS)

    def case(name, sa, sb, ta=0, tb=0):
        def product(a, b):
            return torch.matmul(a.transpose(-1, -2) if ta else a, b.transpose(-1, -2) if tb else b)

        def compute(t):
            a, b = leaf(t["a"]), leaf(t["b"])
            y = product(a, b)
            return detached({"y": y, **gradients(y, {"a": a, "b": b}, t["dy"])})

        a, b = f.normal(*sa), f.normal(*sb)
        f.add(name, "matmul", {"transpose_a": ta, "transpose_b": tb},
              {"a": a, "b": b, "dy": f.normal(*product(a, b).shape)}, compute)

    case("matmul.plain", (4, 5), (5, 6))
    case("matmul.ta", (5, 4), (5, 6), 1, 0)
    case("matmul.tb", (4, 5), (6, 5), 0, 1)
    case("matmul.tatb", (5, 4), (6, 5), 1, 1)
    case("matmul.odd", (33, 47), (47, 29))
    case("matmul.odd_tb", (17, 65), (31, 65), 0, 1)
    case("matmul.tall", (70, 3), (3, 2))
    case("matmul.row", (1, 40), (40, 19))
    case("matmul.outer", (9, 1), (1, 11))
    case("matmul.long", (3, 500), (500, 4))
    case("matmul.batched", (2, 3, 4, 5), (2, 3, 5, 6))
    case("matmul.batched_ta", (3, 5, 4), (3, 5, 6), 1, 0)
    case("matmul.batched_tb", (3, 4, 5), (3, 6, 5), 0, 1)
    case("matmul.shared_right", (3, 4, 5), (5, 6))
    case("matmul.shared_left", (4, 5), (3, 5, 6))

    def linear(name, x, w, bias):
        def compute(t):
            leaves = {n: leaf(t[n]) for n in ("x", "w", "bias") if n in t}
            y = F.linear(leaves["x"], leaves["w"], leaves.get("bias"))
            return detached({"y": y, **gradients(y, leaves, t["dy"])})

        inputs = {"x": x, "w": w, **({"bias": bias} if bias is not None else {}),
                  "dy": f.normal(*x.shape[:-1], w.shape[0])}
        f.add(name, "linear", {}, inputs, compute)

    linear("linear.bias", f.normal(6, 10), f.normal(7, 10), f.normal(7))
    linear("linear.no_bias", f.normal(6, 10), f.normal(7, 10), None)
    linear("linear.rank3", f.normal(2, 5, 9), f.normal(4, 9), f.normal(4))
    linear("linear.head", f.normal(17, 64), f.normal(10, 64), f.normal(10))
    return f


# ---- convolution -----------------------------------------------------------------------------------------------------------

CONVOLUTIONS = {
    # name: x [n,h,w,c], kernels o, kernel, stride, padding, dilation, groups, bias
    "s1p1": ((2, 7, 8, 3), 5, (3, 3), (1, 1), (1, 1), (1, 1), 1, True),
    "s2p1": ((2, 9, 9, 4), 6, (3, 3), (2, 2), (1, 1), (1, 1), 1, False),
    "s2p1_even": ((2, 8, 8, 4), 6, (3, 3), (2, 2), (1, 1), (1, 1), 1, False),
    "s1p0": ((2, 6, 7, 3), 4, (3, 3), (1, 1), (0, 0), (1, 1), 1, True),
    "s1p2": ((1, 5, 5, 3), 4, (3, 3), (1, 1), (2, 2), (1, 1), 1, False),
    "k1": ((2, 5, 6, 7), 9, (1, 1), (1, 1), (0, 0), (1, 1), 1, True),
    "k1s2": ((2, 7, 8, 8), 16, (1, 1), (2, 2), (0, 0), (1, 1), 1, False),
    "k7s2p3": ((1, 15, 17, 3), 8, (7, 7), (2, 2), (3, 3), (1, 1), 1, False),
    "k5p2": ((1, 9, 8, 4), 5, (5, 5), (1, 1), (2, 2), (1, 1), 1, True),
    "dilation2": ((2, 9, 9, 3), 4, (3, 3), (1, 1), (2, 2), (2, 2), 1, True),
    "dilation_stride": ((1, 11, 12, 3), 4, (3, 3), (2, 2), (2, 1), (2, 3), 1, False),
    "groups2": ((2, 6, 6, 8), 6, (3, 3), (1, 1), (1, 1), (1, 1), 2, True),
    "depthwise": ((2, 7, 7, 6), 6, (3, 3), (1, 1), (1, 1), (1, 1), 6, False),
    "depthwise_s2": ((1, 8, 9, 5), 10, (3, 3), (2, 2), (1, 1), (1, 1), 5, True),
    "rectangle": ((1, 8, 11, 3), 4, (3, 5), (2, 1), (1, 2), (1, 1), 1, True),
    "patch": ((1, 16, 16, 3), 12, (8, 8), (8, 8), (0, 0), (1, 1), 1, True),
    "whole": ((2, 4, 4, 5), 3, (4, 4), (1, 1), (0, 0), (1, 1), 1, True),
    "one_pixel": ((3, 1, 1, 4), 5, (3, 3), (1, 1), (1, 1), (1, 1), 1, False),
    "c16": ((2, 8, 8, 16), 16, (3, 3), (1, 1), (1, 1), (1, 1), 1, False),
    "c16_s2": ((2, 8, 8, 16), 32, (3, 3), (2, 2), (1, 1), (1, 1), 1, False),
    "c12_o20": ((1, 11, 10, 12), 20, (3, 3), (1, 1), (1, 1), (1, 1), 1, True),
    "c64": ((1, 4, 4, 64), 16, (3, 3), (1, 1), (1, 1), (1, 1), 1, False),
}


def conv_attributes(stride, padding, dilation, groups):
    return {"stride_h": stride[0], "stride_w": stride[1], "pad_h": padding[0], "pad_w": padding[1],
            "dilation_h": dilation[0], "dilation_w": dilation[1], "groups": groups}


def conv2d():
    f = GoldenFile("conv2d", 6, CONVOLUTION)
    for name, (sx, o, kernel, stride, padding, dilation, groups, has_bias) in CONVOLUTIONS.items():
        fan_in = kernel[0] * kernel[1] * sx[3] // groups
        x, w = f.normal(*sx), f.normal(o, *kernel, sx[3] // groups, scale=fan_in**-0.5)
        bias = {"bias": f.normal(o)} if has_bias else {}

        def forward(x, w, bias=None, stride=stride, padding=padding, dilation=dilation, groups=groups):
            return nhwc(F.conv2d(nchw(x), nchw(w), bias, stride, padding, dilation, groups))

        def compute(t, forward=forward):
            leaves = {n: leaf(t[n]) for n in ("x", "w", "bias") if n in t}
            y = forward(*leaves.values())
            return detached({"y": y, **gradients(y, leaves, t["dy"])})

        f.add(f"conv2d.{name}", "conv2d", conv_attributes(stride, padding, dilation, groups),
              {"x": x, "w": w, **bias, "dy": f.normal(*forward(x, w).shape)}, compute)
    return f


def pool():
    f = GoldenFile("pool", 7, Tolerance(relative=1e-6, of_largest=1e-6))
    windows = {"k2s2": (2, 2, 0), "k3s2p1": (3, 2, 1), "k3s1p1": (3, 1, 1), "k3s2": (3, 2, 0)}

    def attributes(kernel, stride, padding, count):
        return {"kernel_h": kernel[0], "kernel_w": kernel[1], "stride_h": stride[0], "stride_w": stride[1],
                "pad_h": padding[0], "pad_w": padding[1], "count_padding": count}

    def max_case(name, x, kernel, stride, padding):
        def forward(x):
            y, index = F.max_pool2d(nchw(x), kernel, stride, padding, return_indices=True)
            return nhwc(y), nhwc(index)

        def compute(t):
            x = leaf(t["x"])
            y, index = forward(x)
            return detached({"y": y, "index": index.to(torch.int32), **gradients(y, {"x": x}, t["dy"])})

        f.add(name, "max_pool2d", attributes(kernel, stride, padding, 0),
              {"x": x, "dy": f.normal(*forward(x)[0].shape)}, compute)

    def avg_case(name, x, kernel, stride, padding, count):
        def forward(x):
            return nhwc(F.avg_pool2d(nchw(x), kernel, stride, padding, count_include_pad=bool(count)))

        def compute(t):
            x = leaf(t["x"])
            y = forward(x)
            return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

        f.add(name, "avg_pool2d", attributes(kernel, stride, padding, count),
              {"x": x, "dy": f.normal(*forward(x).shape)}, compute)

    for name, (k, s, p) in windows.items():
        max_case(f"max_pool2d.{name}", f.normal(2, 8, 8, 5), (k, k), (s, s), (p, p))
        for count in (1, 0) if p else (1,):
            avg_case(f"avg_pool2d.{name}" + ("" if count else "_inside"), f.normal(2, 8, 8, 5), (k, k), (s, s), (p, p), count)
    max_case("max_pool2d.odd", f.normal(1, 7, 9, 3), (3, 3), (2, 2), (1, 1))
    max_case("max_pool2d.rectangle", f.normal(1, 9, 8, 17), (2, 3), (2, 1), (1, 0))
    max_case("max_pool2d.negative", f.normal(1, 5, 5, 2, shift=-9.0), (3, 3), (1, 1), (1, 1))
    max_case("max_pool2d.ties", f.integers(3, 2, 6, 6, 4).double(), (3, 3), (2, 2), (1, 1))
    avg_case("avg_pool2d.odd_inside", f.normal(1, 7, 9, 3), (3, 3), (2, 2), (1, 1), 0)
    avg_case("avg_pool2d.rectangle", f.normal(1, 9, 8, 17), (2, 3), (2, 1), (1, 0), 1)

    def global_pool(t):
        x = leaf(t["x"])
        y = x.mean((1, 2))
        return detached({"y": y, **gradients(y, {"x": x}, t["dy"])})

    f.add("global_avg_pool.a", "global_avg_pool", {}, {"x": f.normal(3, 4, 5, 6), "dy": f.normal(3, 6)}, global_pool)
    f.add("global_avg_pool.one_pixel", "global_avg_pool", {}, {"x": f.normal(2, 1, 1, 9), "dy": f.normal(2, 9)}, global_pool)
    return f


# ---- normalisation ------------------------------------------------------------------------------------------------------------

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


def norm():
    f = GoldenFile("norm", 8, NORMALISATION)

    def batch_norm(name, shape, residual=False, scale=1.0, shift=0.0, tolerance=None, **changes):
        a = {**BATCH_NORM_DEFAULTS, **changes}
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
        a = {**BATCH_NORM_DEFAULTS, "activation": "relu", **changes}
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


# ---- softmax and losses -----------------------------------------------------------------------------------------------------------

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


# ---- optimizers --------------------------------------------------------------------------------------------------------------------

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


# ---- random numbers -----------------------------------------------------------------------------------------------------------------

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
    """Ops that draw: PyTorch's arithmetic on the numbers of philox_reference.py."""
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


FILES = [unary, binary, reduce, movement, matmul, conv2d, pool, norm, conv_bn_act, loss, optimizer, noise]
