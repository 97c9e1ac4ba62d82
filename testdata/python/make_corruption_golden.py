"""Makes the golden files of testdata/corruption with NumPy, SciPy, scikit-image, OpenCV and Pillow.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 pillow==12.3.0 opencv-python-headless==5.0.0.93
    python3 testdata/python/make_corruption_golden.py testdata/corruption

The corruptions themselves are in corruption_reference.py. The test that reads the files is
training/.../corruption/CorruptionGoldenTest.java; it needs no Python.

For each set of images S, written as .npz with the arrays images (uint8) and labels:
    S.npz                the clean images
    S-CORRUPTION.npz     deterministic ones: all clean images at severity 1, then all at severity 2, ... 5
and for the random ones
    random.csv           set, constants, corruption, severity, draws, mean and variance of the change of a pixel in 1/255
                         over that many draws for each of the first images of the set, two of S = cifar and grey, one of tiny
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


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    sets = {
        # Name: images, constants. The imagenet constants are checked on small images, to keep the files small.
        "cifar": (images(32, 32, 3, 1), "cifar"),
        "grey": (images(28, 28, 1, 2), "cifar"),
        "tiny": (images(40, 52, 3, 3)[[0, 2]], "tiny"),
        "imagenet": (images(50, 66, 3, 4)[[2, 3]], "imagenet"),
    }
    rows = ["set,constants,corruption,severity,draws,mean,variance"]
    for name, (clean, constants) in sets.items():
        save(folder / f"{name}.npz", clean)
        for corruption in DETERMINISTIC:
            values = CONSTANTS[corruption][constants]
            save(
                folder / f"{name}-{corruption}.npz",
                np.stack([corrupt(image, corruption, value, None) for value in values for image in clean]),
            )
    for name, constants, count in [("cifar", "cifar", 2), ("grey", "cifar", 2), ("tiny", "tiny", 1), ("tiny", "imagenet", 1)]:
        clean = sets[name][0][:count]
        for corruption in CONSTANTS:
            if corruption in DETERMINISTIC or corruption == "frost":
                continue
            for severity, value in enumerate(CONSTANTS[corruption][constants], start=1):
                if corruption == "elastic_transform" and constants != "imagenet":
                    value = tuple(min(clean.shape[1:3]) * share for share in value)
                # On a small image these tilt so far that single draws differ most.
                most = 8000 if (corruption, constants) == ("elastic_transform", "imagenet") else 2000
                row = moments(clean, corruption, value, np.random.default_rng([7, severity]), most)
                rows.append(f"{name},{constants},{corruption},{severity},{row[0]},{row[1]:.5f},{row[2]:.5f}")
                print(rows[-1], flush=True)
    (folder / "random.csv").write_text("\n".join(rows) + "\n")


def moments(images, corruption, value, rng, most):
    """Mean and variance of the change, and the draws per image that it took to know them.

    It goes on until the standard errors are 0.7 % of the deviation and of the variance, but not beyond the most draws.
    """
    sums, squares = [], []
    while True:
        for _ in range(25):
            changes = [corrupt(image, corruption, value, rng).astype(np.int64) - image for image in images]
            sums.append(sum(change.sum() for change in changes) / images.size)
            squares.append(sum((change**2).sum() for change in changes) / images.size)
        draws = len(sums)
        mean = np.mean(sums)
        variance = np.mean(squares) - mean**2
        error = np.std(sums) / np.sqrt(draws * variance)
        relative = np.std(np.array(squares) - 2 * mean * np.array(sums)) / variance / np.sqrt(draws)
        if max(error, relative) < 0.007 or draws >= most:
            return draws, mean, variance


def save(path, stack):
    labels = np.arange(len(stack), dtype=np.int64) % 4
    np.savez_compressed(path, images=stack, labels=labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
