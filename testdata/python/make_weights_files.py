#!/usr/bin/env python3
"""Writes the small files of weights that the readers are tested on, by the programs whose formats they are.

    python3 testdata/python/make_weights_files.py          # needs torch, numpy, safetensors and msgpack

java-api/src/test/resources/weights/
  expected.safetensors    what the tensors of all the following are
  torch.pth               torch.save, zip format: all types, strides, shared storages
  torch-protocol4.pth     the same pickled with protocol 4
  torch-big-endian.pth    the same as a machine with the other order of bytes writes it
  torch-legacy.pth        the format before PyTorch 1.6
  torch-legacy1.pth       the same pickled with protocol 1
  checkpoint.pth          a checkpoint of a training script, with everything that such a thing has beside the weights
  numpy.pkl               a pickled dictionary of NumPy arrays, protocols 2 (numpy2.pkl), 4 and 5 (numpy5.pkl)
  flax.msgpack            what flax.serialization.to_bytes writes (by its documented format, without Flax)
models/src/test/resources/weights/
  vit.npz                 the layout of Google's imagenet21k_ViT-B_16.npz, tiny
  vit-expected.safetensors    the same with timm's names and layouts
  resnet.pth              a ResNet-18 of width 2 with torchvision's names, as a state dict, in DataParallel's clothes
  resnet-logits.safetensors   images (NHWC) and that network's logits for them
"""
import argparse
import collections
import io
import os
import pickle
import zipfile

import msgpack
import numpy as np
import torch
from safetensors.torch import save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
API = os.path.join(ROOT, "java-api", "src", "test", "resources", "weights")
MODELS = os.path.join(ROOT, "models", "src", "test", "resources", "weights")


def numbers(*shape, start=0.0):
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float64) * 0.25 - 3 + start).reshape(shape)


def tensors():
    """Tensors of every type that is read, some of which share storages or lie in them with strides."""
    base = numbers(2, 3).float()
    shared = numbers(4, 5, start=7).float()
    state = collections.OrderedDict()
    state["f32"] = base
    state["f64"] = numbers(2, 2)
    state["f16"] = numbers(3).half()
    state["bf16"] = numbers(3).bfloat16()
    state["i64"] = torch.tensor([[-1, 2**40], [3, 4]])
    state["i32"] = torch.tensor([-7, 2**20], dtype=torch.int32)
    state["i16"] = torch.tensor([-7, 20000], dtype=torch.int16)
    state["i8"] = torch.tensor([-7, 100], dtype=torch.int8)
    state["u8"] = torch.tensor([0, 7, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    state["transposed"] = base.t()
    state["row"] = shared[2]
    state["column"] = shared[:, 3]
    state["window"] = shared[1:3, 2:5]
    state["expanded"] = torch.tensor([1.5]).expand(2, 2)
    state["channels_last"] = numbers(2, 3, 2, 2).float().to(memory_format=torch.channels_last)
    state["parameter"] = torch.nn.Parameter(numbers(2).float())
    return state


def dense(state):
    # Types that the engine has not become those that hold them, as the readers do.
    types = {torch.float16: torch.float32, torch.int16: torch.int32, torch.int8: torch.int32, torch.bool: torch.uint8}
    return {name: value.detach().to(types.get(value.dtype, value.dtype)).contiguous().clone() for name, value in state.items()}


def big_endian(source, target):
    """Turns every storage around, as torch.save does not on this machine."""
    sizes = {}
    state = torch.load(source, weights_only=True)
    with zipfile.ZipFile(source) as old:
        names = old.namelist()
        # Storages are numbered in the order in which the tensors are met.
        order, seen = [], {}
        for value in state.values():
            pointer = value.untyped_storage().data_ptr() if value.numel() else ("empty", len(seen))
            if pointer not in seen:
                seen[pointer] = len(order)
                order.append(value.element_size())
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
            for name in names:
                data = old.read(name)
                folder, _, key = name.rpartition("/")
                if folder.endswith("/data") and data:
                    size = order[int(key)]
                    data = np.frombuffer(data, f"<u{size}").byteswap().tobytes()
                elif key == "byteorder":
                    data = b"big"
                new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def checkpoint():
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(2, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(4, 1, 3, 3)).sum().backward()
    optimizer.step()
    wrapped = collections.OrderedDict(("module." + name, value) for name, value in model.state_dict().items())
    wrapped._metadata = getattr(model.state_dict(), "_metadata", None)
    extra = collections.defaultdict(list)
    extra["losses"].append(1.5)
    return {
        "epoch": 3,
        "arch": "tiny",
        "best": np.float64(91.5),
        "done": True,
        "args": argparse.Namespace(lr=0.1, layers=[1, 2], name="x"),
        "state_dict": wrapped,
        "optimizer": optimizer.state_dict(),
        "rng": torch.get_rng_state()[:8].clone(),
        "history": np.arange(4, dtype=np.float32),
        "names": np.array(["a", "b"]),
        "size": torch.Size([2, 3]),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "counts": collections.Counter("aab"),
        "extra": extra,
        "tags": {"x", "y"},
        "big": 2**70,
    }


def flax_array(value):
    return msgpack.ExtType(1, msgpack.packb((value.shape, value.dtype.name, value.tobytes()), use_bin_type=True))


def arrays():
    return {
        "params": {
            "Dense_0": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.array([0.5, -1], np.float64)},
            "conv_init": {"kernel": np.asfortranarray(np.arange(8, dtype=np.float16).reshape(2, 2, 2))},
        },
        "state": {"steps": np.array([1, 2], ">i4"), "flag": np.array([True, False]), "scalar": np.array(7, np.int64)},
    }


def google_vit(path, dim=8, heads=2, depth=2, patch=4, grid=2, mlp=16, classes=5, channels=3):
    """imagenet21k_ViT-B_16.npz has these names and orders of dimensions."""
    draw = np.random.default_rng(3)

    def make(*shape):
        return (draw.standard_normal(shape) * 0.3).astype(np.float32)

    per_head = dim // heads
    made = {
        "cls": make(1, 1, dim),
        "embedding/kernel": make(patch, patch, channels, dim),
        "embedding/bias": make(dim),
        "Transformer/posembed_input/pos_embedding": make(1, 1 + grid * grid, dim),
        "Transformer/encoder_norm/scale": make(dim),
        "Transformer/encoder_norm/bias": make(dim),
        "head/kernel": make(dim, classes),
        "head/bias": make(classes),
        "pre_logits/kernel": make(dim, dim),
        "pre_logits/bias": make(dim),
    }
    for i in range(depth):
        block = f"Transformer/encoderblock_{i}"
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            made[f"{block}/{norm}/scale"] = make(dim)
            made[f"{block}/{norm}/bias"] = make(dim)
        attention = f"{block}/MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            made[f"{attention}/{part}/kernel"] = make(dim, heads, per_head)
            made[f"{attention}/{part}/bias"] = make(heads, per_head)
        made[f"{attention}/out/kernel"] = make(heads, per_head, dim)
        made[f"{attention}/out/bias"] = make(dim)
        made[f"{block}/MlpBlock_3/Dense_0/kernel"] = make(dim, mlp)
        made[f"{block}/MlpBlock_3/Dense_0/bias"] = make(mlp)
        made[f"{block}/MlpBlock_3/Dense_1/kernel"] = make(mlp, dim)
        made[f"{block}/MlpBlock_3/Dense_1/bias"] = make(dim)
    np.savez(path + ".npz", **made)

    # As timm reads them.
    def dense(name):
        return torch.from_numpy(made[name + "/kernel"]).t()

    def put(target, source):
        wanted[target + ".weight"] = torch.from_numpy(made[source + "/scale"])
        wanted[target + ".bias"] = torch.from_numpy(made[source + "/bias"])

    wanted = {
        "cls_token": torch.from_numpy(made["cls"]),
        "pos_embed": torch.from_numpy(made["Transformer/posembed_input/pos_embedding"]),
        "patch_embed.proj.weight": torch.from_numpy(made["embedding/kernel"]).permute(3, 2, 0, 1),
        "patch_embed.proj.bias": torch.from_numpy(made["embedding/bias"]),
        "head.weight": dense("head"),
        "head.bias": torch.from_numpy(made["head/bias"]),
    }
    put("norm", "Transformer/encoder_norm")
    for i in range(depth):
        block, name = f"Transformer/encoderblock_{i}", f"blocks.{i}"
        put(name + ".norm1", block + "/LayerNorm_0")
        put(name + ".norm2", block + "/LayerNorm_2")
        attention = block + "/MultiHeadDotProductAttention_1"
        parts = ("query", "key", "value")
        wanted[name + ".attn.qkv.weight"] = torch.cat([torch.from_numpy(made[f"{attention}/{p}/kernel"]).flatten(1).t() for p in parts])
        wanted[name + ".attn.qkv.bias"] = torch.cat([torch.from_numpy(made[f"{attention}/{p}/bias"]).flatten() for p in parts])
        wanted[name + ".attn.proj.weight"] = torch.from_numpy(made[attention + "/out/kernel"]).flatten(0, 1).t()
        wanted[name + ".attn.proj.bias"] = torch.from_numpy(made[attention + "/out/bias"])
        for j in (0, 1):
            wanted[f"{name}.mlp.fc{j + 1}.weight"] = dense(f"{block}/MlpBlock_3/Dense_{j}")
            wanted[f"{name}.mlp.fc{j + 1}.bias"] = torch.from_numpy(made[f"{block}/MlpBlock_3/Dense_{j}/bias"])
    # Positions on a grid of 3x3, as torch makes them.
    grid_positions = wanted["pos_embed"][:, 1:].reshape(1, grid, grid, dim).permute(0, 3, 1, 2)
    larger = torch.nn.functional.interpolate(grid_positions, size=(3, 3), mode="bicubic", antialias=False)
    larger = larger.permute(0, 2, 3, 1).reshape(1, 9, dim)
    wanted["pos_embed_3x3"] = torch.cat([wanted["pos_embed"][:, :1], larger], 1)
    save_file({name: value.contiguous().clone() for name, value in wanted.items()}, path + "-expected.safetensors")


class Block(torch.nn.Module):
    """torchvision's BasicBlock: its names, for a width that torchvision does not offer."""

    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(planes)
        self.conv2 = torch.nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or before != planes:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(before, planes, 1, stride, bias=False), torch.nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(torch.nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        before = width
        for i in range(4):
            planes = width << i
            stage = torch.nn.Sequential(Block(before, planes, 1 if i == 0 else 2), Block(planes, planes, 1))
            setattr(self, f"layer{i + 1}", stage)
            before = planes
        self.fc = torch.nn.Linear(before, classes)

    def forward(self, x):
        y = torch.nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            y = getattr(self, f"layer{i + 1}")(y)
        return self.fc(y.mean((2, 3)))


def resnet(folder):
    torch.manual_seed(5)
    network = ResNet18(width=2, classes=7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    network.eval()
    images = torch.randn(2, 3, 32, 36)
    with torch.no_grad():
        logits = network(images)
    state = {"model": {"module." + name: value for name, value in network.state_dict().items()}, "epoch": 90}
    torch.save(state, os.path.join(folder, "resnet.pth"))
    save_file({"images": images.permute(0, 2, 3, 1).contiguous(), "logits": logits}, os.path.join(folder, "resnet-logits.safetensors"))


def main():
    os.makedirs(API, exist_ok=True)
    os.makedirs(MODELS, exist_ok=True)
    state = tensors()
    save_file(dense(state), os.path.join(API, "expected.safetensors"))
    plain = os.path.join(API, "torch.pth")
    torch.save(state, plain)
    torch.save(state, os.path.join(API, "torch-protocol4.pth"), pickle_protocol=4)
    big_endian(plain, os.path.join(API, "torch-big-endian.pth"))
    torch.save(state, os.path.join(API, "torch-legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save(state, os.path.join(API, "torch-legacy1.pth"), _use_new_zipfile_serialization=False, pickle_protocol=1)
    torch.save(checkpoint(), os.path.join(API, "checkpoint.pth"))
    for protocol, suffix in ((2, "2"), (4, ""), (5, "5")):
        with open(os.path.join(API, f"numpy{suffix}.pkl"), "wb") as file:
            pickle.dump(arrays(), file, protocol=protocol)
    packed = arrays()
    packed["state"]["steps"] = packed["state"]["steps"].astype("<i4")
    packed["step"] = 12
    with open(os.path.join(API, "flax.msgpack"), "wb") as file:
        file.write(msgpack.packb(packed, default=flax_array, use_bin_type=True, strict_types=True))
    google_vit(os.path.join(MODELS, "vit"))
    resnet(MODELS)
    for folder in (API, MODELS):
        for name in os.listdir(folder):
            os.chmod(os.path.join(folder, name), 0o644)


if __name__ == "__main__":
    main()
