"""Makes the golden files of testdata/corruption with NumPy, SciPy, scikit-image and Pillow.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 pillow==12.3.0
    python3 testdata/python/make_corruption_golden.py testdata/corruption

The corruptions are written here from their definitions (Hendrycks and Dietterich 2019; the constants are those of
docs/data.md), with the libraries that the published sets were made with. The test that reads the files is
training/.../corruption/CorruptionGoldenTest.java; it needs no Python.

For each set of images S, written as .npz with the arrays images (uint8) and labels:
    S.npz                the clean images
    S-CORRUPTION.npz     deterministic ones: all clean images at severity 1, then all at severity 2, ... 5
and for the random ones
    random.csv           set, corruption, severity, image, mean and variance of the change of a pixel in 1/255
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian

CONSTANTS = {
    "gaussian_noise": {
        "cifar": [0.04, 0.06, 0.08, 0.09, 0.10],
        "tiny": [0.04, 0.08, 0.12, 0.15, 0.18],
        "imagenet": [0.08, 0.12, 0.18, 0.26, 0.38],
    },
    "shot_noise": {
        "cifar": [500, 250, 100, 75, 50],
        "tiny": [250, 100, 50, 30, 15],
        "imagenet": [60, 25, 12, 5, 3],
    },
    "gaussian_blur": {
        "cifar": [0.4, 0.6, 0.7, 0.8, 1],
        "tiny": [0.5, 0.75, 1, 1.25, 1.5],
        "imagenet": [1, 2, 3, 4, 6],
    },
    "contrast": {
        "cifar": [0.75, 0.5, 0.4, 0.3, 0.15],
        "tiny": [0.4, 0.3, 0.2, 0.1, 0.05],
        "imagenet": [0.4, 0.3, 0.2, 0.1, 0.05],
    },
    "brightness": {
        "cifar": [0.05, 0.1, 0.15, 0.2, 0.3],
        "tiny": [0.1, 0.2, 0.3, 0.4, 0.5],
        "imagenet": [0.1, 0.2, 0.3, 0.4, 0.5],
    },
    "pixelate": {
        "cifar": [0.95, 0.9, 0.85, 0.75, 0.65],
        "tiny": [0.9, 0.8, 0.7, 0.6, 0.5],
        "imagenet": [0.6, 0.5, 0.4, 0.3, 0.25],
    },
}


# Each takes and gives an RGB image as doubles in [0,1], not yet clipped.


def gaussian_noise(x, sigma, rng):
    return x + rng.normal(size=x.shape, scale=sigma)


def shot_noise(x, rate, rng):
    return rng.poisson(x * rate) / float(rate)


def gaussian_blur(x, sigma, rng):
    return gaussian(x, sigma=sigma, channel_axis=2, mode="nearest", truncate=4.0)


def contrast(x, factor, rng):
    mean = x.mean(axis=(0, 1), keepdims=True)
    return (x - mean) * factor + mean


def brightness(x, added, rng):
    hsv = rgb2hsv(x)
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] + added, 0, 1)
    return hsv2rgb(hsv)


def pixelate(x, factor, rng):
    height, width, _ = x.shape
    image = Image.fromarray(np.rint(x * 255).astype(np.uint8))
    image = image.resize((int(width * factor), int(height * factor)), Image.Resampling.BOX)
    image = image.resize((width, height), Image.Resampling.BOX)
    return np.asarray(image) / 255.0


def corrupt(image, name, constant, rng):
    grey = image.shape[2] == 1
    x = np.repeat(image, 3, axis=2) / 255.0 if grey else image / 255.0
    y = np.clip(globals()[name](x, constant, rng), 0, 1)
    if grey:
        same = (y[..., :1] == y[..., 1:2]) & (y[..., :1] == y[..., 2:])
        y = np.where(same, y[..., :1], y.mean(axis=2, keepdims=True))
    return (y * 255).astype(np.uint8)


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
    rows = ["set,corruption,severity,image,mean,variance"]
    for name, (clean, constants) in sets.items():
        save(folder / f"{name}.npz", clean)
        for corruption in ("gaussian_blur", "contrast", "brightness", "pixelate"):
            values = CONSTANTS[corruption][constants]
            save(
                folder / f"{name}-{corruption}.npz",
                np.stack([corrupt(image, corruption, value, None) for value in values for image in clean]),
            )
        for corruption in ("gaussian_noise", "shot_noise"):
            for severity, value in enumerate(CONSTANTS[corruption][constants], start=1):
                for index, image in enumerate(clean):
                    rng = np.random.default_rng([7, severity, index])
                    # About two million pixels each: the variance is then known to about 0.1 %.
                    repeats = max(1, 2_000_000 // image.size)
                    changes = np.concatenate(
                        [
                            (corrupt(image, corruption, value, rng).astype(int) - image).ravel()
                            for _ in range(repeats)
                        ]
                    )
                    rows.append(f"{name},{corruption},{severity},{index},{changes.mean():.5f},{changes.var():.5f}")
    (folder / "random.csv").write_text("\n".join(rows) + "\n")


def save(path, stack):
    labels = np.arange(len(stack), dtype=np.int64) % 4
    np.savez_compressed(path, images=stack, labels=labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
