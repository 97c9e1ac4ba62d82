"""Makes the golden files of testdata/corruption with NumPy, SciPy, scikit-image, OpenCV and Pillow.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 pillow==12.3.0 opencv-python-headless==5.0.0.93
    python3 testdata/python/make_corruption_golden.py testdata/corruption

The corruptions themselves are in corruption_reference.py. The test that reads the files is
training/.../corruption/CorruptionGoldenTest.java; it needs no Python.

For each set of images S, written as .npz with the arrays images (uint8) and labels:
    S.npz                the clean images
    S-CORRUPTION.npz     deterministic ones: all clean images at severity 1, then all at severity 2, ... 5
and for the random ones
    random.csv           set, corruption, severity, mean and variance of the change of a pixel in 1/255, over many draws of
                         the first and the last but one image of the set together
"""

import sys
from pathlib import Path

import numpy as np
from corruption_reference import CONSTANTS, DETERMINISTIC, corrupt
from skimage.color import hsv2rgb
from skimage.filters import gaussian


def images(height, width, channels, seed):
    """Four images: a colour wheel with ramps, soft noise, hard edges, all of one value but for a few pixels."""
    rng = np.random.default_rng(seed)
    v, u = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    wheel = hsv2rgb(np.stack([u, v, 0.2 + 0.8 * v * u], axis=2))
    soft = gaussian(rng.random((height, width, 3)), sigma=1.5, channel_axis=2)
    soft = (soft - soft.min()) / (soft.max() - soft.min())
    edges = np.zeros((height, width, 3))
    edges[height // 4 : height // 2, width // 8 : width // 2] = (1, 0.2, 0)
    edges[height // 2 :, width // 2 :: 3] = (0.1, 0.6, 1)
    edges[::5, :] = 1
    flat = np.full((height, width, 3), 0.5)
    flat[1, 2] = (1, 0, 0)
    flat[-1, -1] = (0, 0, 0)
    stack = np.rint(np.stack([wheel, soft, edges, flat]) * 255).astype(np.uint8)
    return stack if channels == 3 else stack[:, :, :, 1:2]


# Draws of those where the pixels of an image depend on few random numbers, and of one that is slow.
REPEATS = {
    "glass_blur": 60,
    "motion_blur": 6000,
    "snow": 6000,
    "fog": 8000,
    "elastic_transform": 8000,
    "spatter": 4000,
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    sets = {
        # Name: images, constants. The imagenet constants are checked on small images, to keep the files small.
        "cifar": (images(32, 32, 3, 1), "cifar"),
        "grey": (images(28, 28, 1, 2), "cifar"),
        "tiny": (images(40, 52, 3, 3)[[0, 2]], "tiny"),
        "imagenet": (images(50, 66, 3, 4)[[2, 3]], "imagenet"),
    }
    rows = ["set,corruption,severity,mean,variance"]
    for name, (clean, constants) in sets.items():
        save(folder / f"{name}.npz", clean)
        for corruption in DETERMINISTIC:
            values = CONSTANTS[corruption][constants]
            save(
                folder / f"{name}-{corruption}.npz",
                np.stack([corrupt(image, corruption, value, None) for value in values for image in clean]),
            )
        for corruption in CONSTANTS:
            if corruption in DETERMINISTIC or corruption == "frost":
                continue
            for severity, value in enumerate(CONSTANTS[corruption][constants], start=1):
                if corruption == "elastic_transform" and constants != "imagenet":
                    value = tuple(min(clean.shape[1:3]) * share for share in value)
                mean, variance = moments(clean[[0, -2]], corruption, value, np.random.default_rng([7, severity]))
                rows.append(f"{name},{corruption},{severity},{mean:.5f},{variance:.5f}")
    (folder / "random.csv").write_text("\n".join(rows) + "\n")


def moments(images, corruption, value, rng):
    """Mean and variance of the change over many draws, so many that they are known to about half a per cent."""
    repeats = REPEATS.get(corruption, max(1, 600_000 // images[0].size))
    total = squares = 0
    for image in images:
        for _ in range(repeats):
            change = corrupt(image, corruption, value, rng).astype(np.int64) - image
            total += change.sum()
            squares += (change**2).sum()
    count = repeats * images.size
    return total / count, squares / count - (total / count) ** 2


def save(path, stack):
    labels = np.arange(len(stack), dtype=np.int64) % 4
    np.savez_compressed(path, images=stack, labels=labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
