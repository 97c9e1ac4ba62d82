#!/usr/bin/env python3
"""Writes testdata/golden: what PyTorch computes for every op and for whole networks, for tests that need no PyTorch.

    python3 testdata/python/make_golden.py [--out testdata/golden] [--only conv2d] [--list]

Needs torch. README.md in the output folder describes the files; its table of cases is written here.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import torch  # noqa: E402

import golden_layers  # noqa: E402
import golden_methods  # noqa: E402
import golden_models  # noqa: E402
import golden_networks  # noqa: E402
import golden_noise  # noqa: E402
import golden_ops  # noqa: E402

OPS = golden_ops.FILES + golden_layers.FILES + golden_noise.FILES
NETWORKS = {**golden_models.FILES, **golden_networks.FILES, **golden_methods.FILES}

BEGIN, END = "<!-- cases: written by make_golden.py -->\n", "<!-- end of cases -->\n"


# Left out of the table where an attribute has the usual value.
USUAL = {"alpha": 0.0, "beta": 0.0, "stride_h": 1, "stride_w": 1, "pad_h": 0, "pad_w": 0, "dilation_h": 1, "dilation_w": 1,
         "groups": 1, "training": 1, "update_running": 1, "statistics_groups": 1, "activation": "none", "slope": 0.0,
         "momentum": 0.125, "epsilon": 1e-5, "count_padding": 0, "smoothing": 0.0, "scale": 0.0}


def shape_of(t):
    kinds = {torch.int64: " i64", torch.int32: " i32", torch.uint8: " u8", torch.bfloat16: " bf16"}
    return "[" + ",".join(str(s) for s in t.shape) + "]" + kinds.get(t.dtype, "")


def named(tensors):
    """x0, x1, x2 of many steps would fill the page."""
    shown = [f"{n} {shape_of(v)}" for n, v in tensors.items() if ".step" not in n or n.endswith(".step1")]
    return ", ".join(shown) + (" … step5" if any(n.endswith(".step5") for n in tensors) else "")


def table(files):
    """Markdown: per file its usual tolerance and one row a case."""
    lines = []
    for f in files:
        t = f.tolerance
        lines += [f"\n### {f.name}.safetensors\n",
                  f"Tolerance unless stated: relative {t.relative:g}, of_largest {t.of_largest:g}, absolute {t.absolute:g}.\n",
                  "| case | op and attributes | inputs | outputs |", "|---|---|---|---|"]
        for case, op, attributes, inputs, outputs, tolerance in f.summary:
            unusual = {k: v for k, v in attributes.items() if k not in USUAL or USUAL[k] != v}
            shown = ", ".join([op] + [f"{k} {str(v).replace(' ', '')}" for k, v in unusual.items()])
            if vars(tolerance) != vars(t):
                shown += f"; tolerance {tolerance.relative:g}, {tolerance.of_largest:g}, {tolerance.absolute:g}"
            lines.append(f"| `{case}` | {shown} | {named(inputs)} | {named(outputs)} |")
    return "\n".join(lines) + "\n"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", default=os.path.join(here, "..", "golden"))
    p.add_argument("--only", help="one file's name, without .safetensors; leaves README.md alone")
    p.add_argument("--list", action="store_true", help="print the table of cases and write nothing")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # PyTorch 2.13 corrupts the heap in oneDNN's f32 backward of a strided 1x1 convolution of 4 channels.
    torch.backends.mkldnn.enabled = False
    known = [f.__name__ for f in OPS] + list(NETWORKS)
    if a.only and a.only not in known:
        sys.exit(f"--only {a.only}: expected one of {', '.join(known)}")

    files = [make() for make in OPS if not a.only or make.__name__ == a.only]
    if a.list:
        print(table(files))
        return
    for f in files:
        f.write(a.out)
        size = os.path.getsize(os.path.join(a.out, f.name + ".safetensors"))
        print(f"{f.name}: {len(f.summary)} cases, {size} bytes; f32 PyTorch uses at most {f.worst:.3f} of a tolerance")
    for name, make in NETWORKS.items():
        if not a.only or a.only == name:
            print(make(a.out, name))
    if not a.only:
        readme = os.path.join(a.out, "README.md")
        with open(readme) as handle:
            text = handle.read()
        start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        with open(readme, "w") as handle:
            handle.write(text[:start] + table(files) + "\n" + text[end:])


if __name__ == "__main__":
    main()
