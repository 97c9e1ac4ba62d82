"""Golden cases: inputs, and what PyTorch makes of them in f64, in Hornbeam's layout.

A case is a function from input tensors to output tensors. It is run twice: in f64, which gives the expected numbers
(rounded to f32 once, at the end), and in f32, which shows what rounding alone costs; the case's tolerance must leave
f32 PyTorch at least a factor of two.
"""
import json
import os
import struct
import tempfile

import torch


class Tolerance:
    """|got - wanted| <= relative * |wanted| + of_largest * max |wanted| + absolute, the maximum over the tensor."""

    def __init__(self, relative=0.0, of_largest=0.0, absolute=0.0):
        self.relative, self.of_largest, self.absolute = relative, of_largest, absolute

    def bound(self, wanted):
        largest = wanted.abs().max() if wanted.numel() else 0
        return self.relative * wanted.abs() + self.of_largest * largest + self.absolute


EXACT = Tolerance()
# Winograd and other transformed convolutions round more than a plain sum does.
CONVOLUTION = Tolerance(relative=1e-6, of_largest=5e-5)


class GoldenFile:
    """One .safetensors file of cases; tensors are named CASE/NAME, the metadata maps CASE to JSON attributes."""

    def __init__(self, name, seed, tolerance):
        self.name, self.tolerance = name, tolerance
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors, self.metadata, self.summary, self.worst = {}, {}, [], 0.0

    # Inputs are f32 numbers held in f64, so that both runs see the same ones.

    def normal(self, *shape, scale=1.0, shift=0.0):
        return (torch.randn(shape, generator=self.generator) * scale + shift).float().double()

    def uniform(self, *shape, low=0.0, high=1.0):
        return (torch.rand(shape, generator=self.generator) * (high - low) + low).float().double()

    def integers(self, high, *shape, low=0):
        return torch.randint(low, high, shape, generator=self.generator)

    def add(self, case, op, attributes, inputs, compute, tolerance=None):
        tolerance = tolerance or self.tolerance
        wanted = compute({k: v.clone() for k, v in inputs.items()})
        single = compute({k: v.float() if v.dtype == torch.float64 else v.clone() for k, v in inputs.items()})
        for name, value in wanted.items():
            if value.dtype != torch.float64:
                assert torch.equal(value, single[name]), f"{case}/{name} depends on the precision"
                continue
            assert torch.isfinite(value).all(), f"{case}/{name} is not finite"
            error, bound = (single[name].double() - value).abs(), tolerance.bound(value)
            share = (error / bound.clamp_min(1e-300)).max().item() if value.numel() else 0
            assert share <= 0.5, f"{case}/{name}: f32 PyTorch uses {share:.2f} of the tolerance"
            self.worst = max(self.worst, share)
        clash = set(inputs) & set(wanted)
        assert not clash, clash
        full = {"op": op, **attributes, "inputs": list(inputs), "outputs": list(wanted),
                "relative": tolerance.relative, "of_largest": tolerance.of_largest, "absolute": tolerance.absolute}
        assert case not in self.metadata, case
        self.metadata[case] = json.dumps(full, separators=(",", ":"))
        self.summary.append((case, op, attributes, inputs, wanted, tolerance))
        for name, value in {**inputs, **wanted}.items():
            self.tensors[f"{case}/{name}"] = value.float() if value.dtype == torch.float64 else value

    def write(self, folder):
        save(self.tensors, os.path.join(folder, self.name + ".safetensors"), self.metadata)


DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8"}


def save(tensors, path, metadata):
    """Writes safetensors: header length (u64), JSON header, then the data; the same bytes every time."""
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # keeps every tensor aligned
    header, data = {"__metadata__": metadata}, []
    at = 0
    for name in order:
        t = tensors[name].contiguous()
        size = t.numel() * t.element_size()
        header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + size]}
        data.append(t.reshape(-1).view(torch.uint8).numpy().tobytes())
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text + b"".join(data))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def nhwc(x):
    """NCHW to NHWC, and OIHW to OHWI."""
    return x.permute(0, 2, 3, 1)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def conv_attributes(stride, padding, dilation, groups):
    return {"stride_h": stride[0], "stride_w": stride[1], "pad_h": padding[0], "pad_w": padding[1],
            "dilation_h": dilation[0], "dilation_w": dilation[1], "groups": groups}


def gradients(y, of, dy):
    """Gradients of <y, dy> with respect to the named leaves in `of`, as {'dNAME': …}."""
    names = [n for n, t in of.items() if t is not None]
    grads = torch.autograd.grad(y, [of[n] for n in names], dy)
    return {"d" + n: g for n, g in zip(names, grads)}


def leaf(t):
    return t.detach().clone().requires_grad_()


def detached(outputs):
    return {k: v.detach() for k, v in outputs.items()}
