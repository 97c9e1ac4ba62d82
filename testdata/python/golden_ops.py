"""The golden cases of single ops that have no state: elementwise, reductions, movement, products, convolution, pooling."""
import torch
import torch.nn.functional as F

from golden_file import CONVOLUTION, EXACT, GoldenFile, Tolerance, conv_attributes, detached, gradients, leaf, nchw, nhwc

ELEMENTWISE = Tolerance(relative=2e-6, absolute=1e-6)
SUMS = Tolerance(relative=1e-6, of_largest=4e-6)


# ---- elementwise -----------------------------------------------------------------------------------------------------

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


# ---- reductions ------------------------------------------------------------------------------------------------------

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


# ---- movement --------------------------------------------------------------------------------------------------------

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


# ---- linear algebra --------------------------------------------------------------------------------------------------

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


# ---- convolution -----------------------------------------------------------------------------------------------------

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


FILES = [unary, binary, reduce, movement, matmul, conv2d, pool]
