"""The corruptions in Python, from their definitions, with the libraries that the published sets were made with.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 pillow==12.3.0 opencv-python-headless==5.0.0.93

Definitions and constants: Hendrycks and Dietterich 2019, as docs/corruptions.md gives them. Every function takes an RGB
image of bytes, the constants of a severity and a NumPy generator, and gives the corrupted image in [0,255], of which the
caller cuts off what is behind the point. ImageMagick's motion blur is written out. make_corruption_golden.py and
bench/peer/corruptions.py use this file; no test needs it.
"""

import math
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian
from skimage.util import random_noise

SMALL_ZOOM = [(1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)]

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
    "impulse_noise": {
        "cifar": [0.01, 0.02, 0.03, 0.05, 0.07],
        "tiny": [0.01, 0.02, 0.05, 0.08, 0.14],
        "imagenet": [0.03, 0.06, 0.09, 0.17, 0.27],
    },
    "defocus_blur": {
        "cifar": [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)],
        "tiny": [(0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)],
        "imagenet": [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)],
    },
    "glass_blur": {
        "cifar": [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
        "tiny": [(0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)],
        "imagenet": [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
    },
    "motion_blur": {
        "cifar": [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
        "tiny": [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
        "imagenet": [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)],
    },
    "zoom_blur": {
        "cifar": SMALL_ZOOM,
        "tiny": SMALL_ZOOM,
        "imagenet": [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)],
    },
    "snow": {
        "cifar": [
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ],
        "tiny": [
            (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
        ],
        "imagenet": [
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ],
    },
    "frost": {
        "cifar": [(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)],
        "tiny": [(1, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)],
        "imagenet": [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)],
    },
    "fog": {
        "cifar": [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)],
        "tiny": [(0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)],
        "imagenet": [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)],
    },
    "brightness": {
        "cifar": [0.05, 0.1, 0.15, 0.2, 0.3],
        "tiny": [0.1, 0.2, 0.3, 0.4, 0.5],
        "imagenet": [0.1, 0.2, 0.3, 0.4, 0.5],
    },
    "contrast": {
        "cifar": [0.75, 0.5, 0.4, 0.3, 0.15],
        "tiny": [0.4, 0.3, 0.2, 0.1, 0.05],
        "imagenet": [0.4, 0.3, 0.2, 0.1, 0.05],
    },
    "elastic_transform": {
        "cifar": [(0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)],
        "tiny": [(0, 0, 0.08), (0.05, 0.3, 0.06), (0.1, 0.08, 0.06), (0.1, 0.03, 0.03), (0.16, 0.03, 0.02)],
        "imagenet": [
            tuple(244 * c for c in row)
            for row in [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)]
        ],
    },
    "pixelate": {
        "cifar": [0.95, 0.9, 0.85, 0.75, 0.65],
        "tiny": [0.9, 0.8, 0.7, 0.6, 0.5],
        "imagenet": [0.6, 0.5, 0.4, 0.3, 0.25],
    },
    "jpeg_compression": {
        "cifar": [80, 65, 58, 50, 40],
        "tiny": [65, 58, 50, 40, 25],
        "imagenet": [25, 18, 15, 10, 7],
    },
    "speckle_noise": {
        "cifar": [0.06, 0.1, 0.12, 0.16, 0.2],
        "tiny": [0.15, 0.2, 0.25, 0.3, 0.35],
        "imagenet": [0.15, 0.2, 0.35, 0.45, 0.6],
    },
    "gaussian_blur": {
        "cifar": [0.4, 0.6, 0.7, 0.8, 1],
        "tiny": [0.5, 0.75, 1, 1.25, 1.5],
        "imagenet": [1, 2, 3, 4, 6],
    },
    "spatter": {
        "cifar": [
            (0.62, 0.1, 0.7, 0.7, 0.5, 0),
            (0.65, 0.1, 0.8, 0.7, 0.5, 0),
            (0.65, 0.3, 1, 0.69, 0.5, 0),
            (0.65, 0.1, 0.7, 0.69, 0.6, 1),
            (0.65, 0.1, 0.5, 0.68, 0.6, 1),
        ],
        "tiny": [
            (0.62, 0.1, 0.7, 0.7, 0.6, 0),
            (0.65, 0.1, 0.8, 0.7, 0.6, 0),
            (0.65, 0.3, 1, 0.69, 0.6, 0),
            (0.65, 0.1, 0.7, 0.68, 0.6, 1),
            (0.65, 0.1, 0.5, 0.67, 0.6, 1),
        ],
        "imagenet": [
            (0.65, 0.3, 4, 0.69, 0.6, 0),
            (0.65, 0.3, 3, 0.68, 0.6, 0),
            (0.65, 0.3, 2, 0.68, 0.5, 0),
            (0.65, 0.3, 1, 0.65, 1.5, 1),
            (0.67, 0.4, 1, 0.65, 1.5, 1),
        ],
    },
    "saturate": {
        "cifar": [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)],
        "tiny": [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)],
        "imagenet": [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)],
    },
}

DETERMINISTIC = (
    "defocus_blur",
    "zoom_blur",
    "brightness",
    "contrast",
    "pixelate",
    "jpeg_compression",
    "gaussian_blur",
    "saturate",
)


def gaussian_noise(image, sigma, rng):
    x = image / 255.0
    return np.clip(x + rng.normal(size=x.shape, scale=sigma), 0, 1) * 255


def shot_noise(image, rate, rng):
    return np.clip(rng.poisson(image / 255.0 * rate) / float(rate), 0, 1) * 255


def impulse_noise(image, amount, rng):
    return np.clip(random_noise(image / 255.0, mode="s&p", amount=amount, rng=rng), 0, 1) * 255


def speckle_noise(image, sigma, rng):
    x = image / 255.0
    return np.clip(x + x * rng.normal(size=x.shape, scale=sigma), 0, 1) * 255


def gaussian_blur(image, sigma, rng):
    return np.clip(gaussian(image / 255.0, sigma=sigma, channel_axis=2), 0, 1) * 255


def glass_blur(image, constants, rng):
    sigma, delta, times = constants
    x = np.uint8(gaussian(image / 255.0, sigma=sigma, channel_axis=2) * 255)
    height, width, _ = x.shape
    for _ in range(times):
        for h in range(height - delta, delta, -1):
            for w in range(width - delta, delta, -1):
                dx, dy = rng.integers(-delta, delta, size=2)
                # The published code exchanges two views of the array, which copies one way only.
                x[h, w] = x[h + dy, w + dx]
    return np.clip(gaussian(x / 255.0, sigma=sigma, channel_axis=2), 0, 1) * 255


def defocus_blur(image, constants, rng):
    radius, alias = constants
    reach = np.arange(-8, 9) if radius <= 8 else np.arange(-radius, radius + 1)
    size = (3, 3) if radius <= 8 else (5, 5)
    u, v = np.meshgrid(reach, reach)
    disk = (u**2 + v**2 <= radius**2).astype(np.float32)
    kernel = cv2.GaussianBlur(disk / disk.sum(), ksize=size, sigmaX=alias)
    return np.clip(cv2.filter2D(image / 255.0, -1, kernel), 0, 1) * 255


def linear_motion(layer, radius, sigma, angle):
    """ImageMagick's motion blur of whole levels, rounded to whole levels."""
    length = 2 * radius + 1
    weights = np.exp(-np.arange(length) ** 2 / (2.0 * sigma**2))
    weights /= weights.sum()
    height, width = layer.shape[:2]
    blurred = np.zeros(layer.shape)
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    for i, weight in enumerate(weights):
        rows = np.clip(np.arange(height) + math.ceil(i * sine - 0.5), 0, height - 1)
        columns = np.clip(np.arange(width) + math.ceil(i * cosine - 0.5), 0, width - 1)
        blurred += weight * layer[rows][:, columns]
    return np.floor(blurred + 0.5)


def motion_blur(image, constants, rng):
    radius, sigma = constants
    return np.clip(linear_motion(image, radius, sigma, rng.uniform(-45, 45)), 0, 255)


def clipped_zoom(x, factor):
    height, width = x.shape[:2]
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    top, left = (height - rows) // 2, (width - columns) // 2
    large = ndimage.zoom(x[top : top + rows, left : left + columns], (factor, factor, 1), order=1)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def zoom_blur(image, constants, rng):
    end, step = constants
    factors = np.arange(1, end, step)
    x = (image / 255.0).astype(np.float32)
    total = np.zeros_like(x)
    for factor in factors:
        total += clipped_zoom(x, factor)
    return np.clip((x + total) / (len(factors) + 1), 0, 1) * 255


def snow(image, constants, rng):
    mean, deviation, zoom, threshold, radius, sigma, mix = constants
    x = image.astype(np.float32) / 255.0
    layer = rng.normal(size=x.shape[:2], loc=mean, scale=deviation)
    layer = clipped_zoom(layer[..., np.newaxis], zoom).squeeze(axis=2)
    layer[layer < threshold] = 0
    layer = (np.clip(layer, 0, 1) * 255).astype(np.uint8)
    layer = linear_motion(layer, radius, sigma, rng.uniform(-135, -45))[..., np.newaxis] / 255.0
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., np.newaxis]
    x = mix * x + (1 - mix) * np.maximum(x, grey * 1.5 + 0.5)
    return np.clip(x + layer + np.rot90(layer, k=2), 0, 1) * 255


def plasma(side, decay, rng):
    heights = np.zeros((side, side))
    step, wobble = side, 100.0

    def wobbled(total):
        return total / 4 + wobble * rng.uniform(-wobble, wobble, total.shape)

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = wobbled(pairs + np.roll(pairs, -1, axis=1))
        middles = heights[half::step, half::step]
        sides = middles + np.roll(middles, 1, axis=0) + corners + np.roll(corners, -1, axis=1)
        heights[::step, half::step] = wobbled(sides)
        sides = middles + np.roll(middles, 1, axis=1) + corners + np.roll(corners, -1, axis=0)
        heights[half::step, ::step] = wobbled(sides)
        step, wobble = half, wobble / decay
    heights -= heights.min()
    return heights / heights.max()


def fog(image, constants, rng):
    strength, decay = constants
    height, width, _ = image.shape
    x = image / 255.0
    brightest = x.max()
    clouds = plasma(1 << (max(height, width) - 1).bit_length(), decay, rng)
    x = x + strength * clouds[:height, :width, np.newaxis]
    return np.clip(x * brightest / (brightest + strength), 0, 1) * 255


def frost(image, constants, rng, textures):
    """With textures that are already at the right scale."""
    height, width, _ = image.shape
    texture = textures[rng.integers(len(textures))]
    top = rng.integers(0, texture.shape[0] - height)
    left = rng.integers(0, texture.shape[1] - width)
    a, b = constants
    return np.clip(a * image + b * texture[top : top + height, left : left + width], 0, 255)


def contrast(image, factor, rng):
    x = image / 255.0
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return np.clip((x - means) * factor + means, 0, 1) * 255


def brightness(image, added, rng):
    hsv = rgb2hsv(image / 255.0)
    hsv[:, :, 2] = np.clip(hsv[:, :, 2] + added, 0, 1)
    return np.clip(hsv2rgb(hsv), 0, 1) * 255


def saturate(image, constants, rng):
    a, b = constants
    hsv = rgb2hsv(image / 255.0)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * a + b, 0, 1)
    return np.clip(hsv2rgb(hsv), 0, 1) * 255


def elastic_transform(image, constants, rng):
    alpha, sigma, affine = constants
    x = image.astype(np.float32) / 255.0
    height, width, _ = x.shape
    centre = np.float32((height, width)) // 2
    third = min(height, width) // 3
    corners = np.float32([centre + third, [centre[0] + third, centre[1] - third], centre - third])
    moved = corners + rng.uniform(-affine, affine, size=corners.shape).astype(np.float32)
    x = cv2.warpAffine(
        x, cv2.getAffineTransform(corners, moved), (width, height), borderMode=cv2.BORDER_REFLECT_101
    )

    def displacement():
        noise = rng.uniform(-1, 1, size=(height, width))
        return (gaussian(noise, sigma, mode="reflect", truncate=3) * alpha).astype(np.float32)[..., np.newaxis]

    dx, dy = displacement(), displacement()
    u, v, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3))
    at = np.reshape(v + dy, (-1, 1)), np.reshape(u + dx, (-1, 1)), np.reshape(c, (-1, 1))
    return np.clip(ndimage.map_coordinates(x, at, order=1, mode="reflect").reshape(x.shape), 0, 1) * 255


def pixelate(image, factor, rng):
    height, width, _ = image.shape
    x = Image.fromarray(image).resize((int(width * factor), int(height * factor)), Image.Resampling.BOX)
    return np.asarray(x.resize((width, height), Image.Resampling.BOX))


def jpeg_compression(image, quality, rng):
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def spatter(image, constants, rng):
    mean, deviation, sigma, threshold, alpha, mud = constants
    x = image.astype(np.float32) / 255.0
    liquid = gaussian(rng.normal(size=x.shape[:2], loc=mean, scale=deviation), sigma=sigma)
    liquid[liquid < threshold] = 0
    if mud:
        share = gaussian(np.where(liquid > threshold, 1, 0).astype(np.float32), sigma=alpha)
        share[share < 0.8] = 0
        brown = np.float32([63, 42, 20]) / 255.0
        return np.clip(x * (1 - share[..., np.newaxis]) + brown * share[..., np.newaxis], 0, 1) * 255
    liquid = (liquid * 255).astype(np.uint8)
    relief = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5)
    _, relief = cv2.threshold(relief, 20, 20, cv2.THRESH_TRUNC)
    relief = cv2.equalizeHist(cv2.blur(relief, (3, 3)).astype(np.uint8))
    relief = cv2.filter2D(relief, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    water = liquid * cv2.blur(relief, (3, 3)).astype(np.float32)
    water = water / max(water.max(), 1) * alpha
    turquoise = np.float32([175, 238, 238]) / 255.0
    return np.clip(x + water[..., np.newaxis] * turquoise, 0, 1) * 255


def corrupt(image, name, constants, rng, **more):
    """Corrupts an image of bytes, grey ones with one channel as colour images of which the mean is taken."""
    grey = image.shape[2] == 1
    colour = np.repeat(image, 3, axis=2) if grey else image
    y = np.asarray(globals()[name](colour, constants, rng, **more))
    if grey:
        same = (y[..., :1] == y[..., 1:2]) & (y[..., :1] == y[..., 2:])
        y = np.where(same, y[..., :1], y.mean(axis=2, keepdims=True))
    return y.astype(np.uint8)
