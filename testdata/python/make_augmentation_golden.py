"""Makes testdata/augmentation/operations.npz: what Pillow and torchvision make of small images.

    pip install numpy==2.4.6 pillow==12.3.0 torch==2.13.0 torchvision==0.29.1
    python3 testdata/python/make_augmentation_golden.py testdata/augmentation

The tests that read it are in training/src/test/java/dev/hornbeam/training/augmentation; they need no Python.

    in-K                 images, uint8 [height, width, channels]
    OPERATION@K@VALUE    image K after torchvision's operation, nearest pixel, nothing drawn
    smooth-OPERATION@... the same with bilinear interpolation, from Pillow as the published code of AugMix calls it
    hue@K@VALUE          torchvision's adjust_hue
    crop@K@T,L,H,W,S     torchvision's resized_crop to S x S, bilinear with antialiasing
    space-HEIGHTxWIDTH   float32 [14, 31]: magnitudes of torchvision's RandAugment, rows in the order of ORDER
"""

import sys
import types
from pathlib import Path

import numpy as np
from PIL import Image

for name in ("torchvision._meta_registrations", "torchvision._autograd_registrations"):
    # Operators that need a library of their own; nothing here calls them.
    sys.modules[name] = types.ModuleType(name)

from torchvision.transforms import InterpolationMode, autoaugment  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402

ORDER = [
    "Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
    "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize",
]  # fmt: skip


def picture(height, width, channels, seed, low=0, high=255):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 0.6 * (x / width if c % 2 == 0 else y / height) + 0.3 * ((x + c > width // 2) & (y > height // 3))
        planes.append(low + (high - low) * np.clip(plane + rng.uniform(-0.1, 0.1, (height, width)), 0, 1))
    return np.stack(planes, axis=2).astype(np.uint8)


def images():
    return [
        picture(19, 26, 3, 1),
        picture(16, 16, 3, 2, 40, 120),
        picture(17, 12, 1, 3),
        np.full((5, 6, 3), 77, np.uint8),
    ]


def pil(pixels):
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def array(image):
    pixels = np.array(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def values(name, height, width):
    if name in ("ShearX", "ShearY"):
        return [0.1, -0.1, 0.3, -0.2900000214576721]
    if name in ("TranslateX", "TranslateY"):
        return [3.7, -2.2, 40.0]
    if name == "Rotate":
        return [0.0, 1.0, 10.0, -10.0, 29.0, -30.0]
    if name in ("Brightness", "Color", "Contrast", "Sharpness"):
        return [0.0, 0.3, -0.3, 0.9, -0.9, 0.12000000476837158]
    if name == "Posterize":
        return [8, 7, 6, 4, 1]
    if name == "Solarize":
        return [255.0, 170.0, 97.75, 0.0]
    return [0.0]


def smooth(image, name, value):
    if name == "ShearX":
        return image.transform(image.size, Image.AFFINE, (1, value, 0, 0, 1, 0), resample=Image.BILINEAR)
    if name == "ShearY":
        return image.transform(image.size, Image.AFFINE, (1, 0, 0, value, 1, 0), resample=Image.BILINEAR)
    return image.rotate(value, resample=Image.BILINEAR)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    out = {}
    for k, pixels in enumerate(images()):
        out[f"in-{k}"] = pixels
        image = pil(pixels)
        for name in ORDER:
            for value in values(name, *pixels.shape[:2]):
                result = autoaugment._apply_op(image, name, value, InterpolationMode.NEAREST, None)
                out[f"{name}@{k}@{value}"] = array(result)
        for name, amounts in (("ShearX", [0.09, -0.2]), ("ShearY", [0.3, -0.05]), ("Rotate", [9, -4, 30])):
            for value in amounts:
                out[f"smooth-{name}@{k}@{value}"] = array(smooth(image, name, value))
        for value in (-0.5, -0.1, 0.0, 0.07, 0.25, 0.5):
            out[f"hue@{k}@{value}"] = array(F.adjust_hue(image, value))
        height, width = pixels.shape[:2]
        for window in ((0, 0, height, width, 16), (2, 1, height - 3, width - 2, 11), (1, 2, 3, 4, 24)):
            crop = F.resized_crop(image, *window[:4], [window[4], window[4]], InterpolationMode.BILINEAR, antialias=True)
            out[f"crop@{k}@{','.join(map(str, window))}"] = array(crop)
    for height, width in ((32, 32), (224, 224), (48, 31)):
        space = autoaugment.RandAugment()._augmentation_space(31, (height, width))
        assert list(space) == ORDER
        rows = [np.broadcast_to(space[name][0].float().numpy(), 31) for name in ORDER]
        out[f"space-{height}x{width}"] = np.stack(rows)
    np.savez_compressed(folder / "operations.npz", **out)


if __name__ == "__main__":
    main()
