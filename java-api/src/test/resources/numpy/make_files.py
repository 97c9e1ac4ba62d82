#!/usr/bin/env python3
"""Writes the .npy and .npz files that NpyTest reads, by numpy itself: python3 make_files.py (any numpy from 1.20 on)."""
import os
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
base = np.arange(6).reshape(2, 3)
for name in ("f4", "f8", "i4", "i8", "u1"):
    np.save(f"{name}.npy", base.astype("<" + name))
np.save("b1.npy", base % 2 == 1)
np.save("scalar.npy", np.float32(2.5))
np.save("vector.npy", np.arange(5, dtype="<i8"))
np.save("empty.npy", np.zeros((0, 3), "<f4"))
np.save("fortran.npy", np.asfortranarray(base.astype("<f4")))
np.save("big_endian.npy", base.astype(">f4"))
np.save("half.npy", base.astype("<f2"))
np.save("object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save("record.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
with open("version2.npy", "wb") as file:
    np.lib.format.write_array(file, base.astype("<f4"), version=(2, 0))
with open("version3.npy", "wb") as file:
    np.lib.format.write_array(file, base.astype("<f4"), version=(3, 0))
np.savez("plain.npz", images=base.astype("u1"), labels=np.array([7, 8], "<i8"))
np.savez_compressed("compressed.npz", images=np.zeros((20, 30), "u1"), labels=np.array([7, 8], "<i8"))
