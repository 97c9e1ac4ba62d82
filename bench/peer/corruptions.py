#!/usr/bin/env python3
"""Python's side of the corruption benchmark: the reference of testdata/python/corruption_reference.py, timed.

    corruptions.py FILE SIDE [NAME...]

FILE has a colour image of SIDE x SIDE pixels, raw bytes in the order HWC. Prints a line for each of the 19, or of those named: name and
microseconds of processor time for an image, the median over some rounds of the mean over the five severities. One thread. Started by
dev.hornbeam.bench.CorruptionSpeed, which gives it the image that it measures with itself.
"""
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testdata" / "python"))
from corruption_reference import CONSTANTS, corrupt  # noqa: E402

ROUNDS = 3
SECONDS = 0.1


def main():
    cv2.setNumThreads(1)
    side = int(sys.argv[2])
    image = np.fromfile(sys.argv[1], np.uint8).reshape(side, side, 3)
    constants = "cifar" if side <= 48 else "tiny" if side <= 128 else "imagenet"
    textures = [np.random.default_rng(i).integers(0, 256, (4 * side, 4 * side, 3), np.uint8) for i in range(5)]
    for name, table in CONSTANTS.items():
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        rows = table[constants]
        if name == "elastic_transform" and constants != "imagenet":
            rows = [tuple(side * share for share in row) for row in rows]
        more = {"textures": textures} if name == "frost" else {}
        rng = np.random.default_rng(1)
        rounds = []
        for _ in range(ROUNDS + 1):
            start, runs = time.process_time(), 0
            while runs == 0 or time.process_time() - start < SECONDS:
                for row in rows:
                    corrupt(image, name, row, rng, **more)
                runs += 1
            rounds.append((time.process_time() - start) / (5 * runs) * 1e6)
        # The first round warms up.
        print(name, round(statistics.median(rounds[1:]), 2), flush=True)


if __name__ == "__main__":
    main()
