"""Makes testdata/images: small image files of every kind, and what Pillow makes of them.

    pip install numpy==2.4.6 pillow==12.3.0
    python3 testdata/python/make_image_golden.py testdata/images

The tests that read them are in training/src/test/java/dev/hornbeam/training/image; they need no Python.

    NAME.EXT          image files; those that Pillow cannot write are put together here
    expected.npz      for each file its pixels, uint8 [height, width, 3], upright, transparency over white
    resize.npz        in-K: images; FILTER-K-WIDTHxHEIGHT: image K resized;
                      crop-FILTER-K-SHORTER-SIZE: its centre after the shorter side was resized
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

WIDTH, HEIGHT = 21, 14


def picture(height, width, channels, seed=0):
    """Slopes, an edge and some noise; no two corners alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 40 + 150 * (x / width if c % 2 == 0 else y / height) + 20 * c
        plane += 50 * ((x > width // 3 + c) & (y > height // 2))
        planes.append(plane + rng.integers(-6, 7, (height, width)))
    pixels = np.clip(np.stack(planes, axis=2), 0, 255).astype(np.uint8)
    return pixels


def png(pixels, depth, colour_type, *chunks):
    """A PNG of rows of samples that need not be what Pillow can write; chunks go before the pixels."""
    height, width = pixels.shape[:2]
    rows = b""
    for row in pixels.reshape(height, -1):
        if depth == 16:
            rows += b"\0" + row.astype(">u2").tobytes()
        elif depth == 8:
            rows += b"\0" + row.astype(np.uint8).tobytes()
        else:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            rows += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for name, data in [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]:
        out += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return out


def over_white(rgb, alpha):
    rgb, alpha = rgb.astype(int), alpha.astype(int)[..., None]
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def swapped_profile():
    """A colour profile in which red and green change places: whoever applies it shows it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Its date of creation, or the files would be others every day.
    profile = profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]
    return profile.replace(b"rXYZ", b"tmp_", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"tmp_", b"gXYZ", 1)


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def make_files():
    files, known = {}, {}
    rgb = picture(HEIGHT, WIDTH, 3)
    colour, grey = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])

    files["baseline.jpg"] = saved(colour, "JPEG", quality=92, subsampling=2)
    files["full.jpg"] = saved(colour, "JPEG", quality=95, subsampling=0)
    files["progressive.jpg"] = saved(colour, "JPEG", quality=92, progressive=True)
    files["grey.jpg"] = saved(grey, "JPEG", quality=95)
    files["rgb.jpg"] = saved(colour, "JPEG", quality=95, keep_rgb=True)
    files["profile.jpg"] = saved(colour, "JPEG", quality=95, subsampling=0, icc_profile=swapped_profile())
    inks = picture(HEIGHT, WIDTH, 4, 1)
    files["cmyk.jpg"] = saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=95, subsampling=0)
    # Luma, chroma and black stored as if they were inks, and then called by their name.
    chroma = np.array(colour.convert("YCbCr"))
    stored = 255 - np.concatenate([chroma, 255 - inks[..., 3:] // 3], axis=2)
    ycck = bytearray(saved(Image.fromarray(stored, "CMYK"), "JPEG", quality=95, subsampling=0))
    ycck[ycck.index(b"Adobe") + 11] = 2
    files["ycck.jpg"] = bytes(ycck)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        name = f"orientation-{orientation}"
        files[name + ".jpg"] = saved(colour, "JPEG", quality=95, subsampling=0, exif=exif)
        if orientation == 6:
            files[name + ".png"] = saved(colour, "PNG", exif=exif)
            files[name + ".webp"] = saved(colour, "WEBP", lossless=True, exif=exif)

    files["colour.png"] = saved(colour, "PNG")
    files["grey.png"] = saved(grey, "PNG")
    files["profile.png"] = saved(colour, "PNG", icc_profile=swapped_profile())
    wide = rgb.astype(np.uint16) * 256 + 77
    files["colour-16.png"] = png(wide, 16, 2)
    known["colour-16.png"] = rgb
    files["grey-16.png"] = png(wide[..., :1], 16, 0)
    known["grey-16.png"] = rgb[..., :1].repeat(3, 2)
    alpha = picture(HEIGHT, WIDTH, 1, 2)
    alpha[:3] = 0
    alpha[3:6] = 255
    transparent = np.concatenate([rgb, alpha], axis=2)
    files["alpha.png"] = png(transparent, 8, 6)
    known["alpha.png"] = over_white(rgb, alpha[..., 0])
    files["alpha-16.png"] = png(transparent.astype(np.uint16) * 256 + 77, 16, 6)
    known["alpha-16.png"] = known["alpha.png"]
    files["grey-alpha.png"] = png(transparent[..., [0, 3]], 8, 4)
    known["grey-alpha.png"] = over_white(rgb[..., :1].repeat(3, 2), alpha[..., 0])
    files["grey-1.png"] = png(rgb[..., :1] >> 7, 1, 0)
    known["grey-1.png"] = ((rgb[..., :1] >> 7) * 255).repeat(3, 2)
    files["grey-2.png"] = png(rgb[..., :1] >> 6, 2, 0)
    known["grey-2.png"] = ((rgb[..., :1] >> 6) * 85).repeat(3, 2)
    palette = picture(4, 4, 3, 3).reshape(16, 3)
    opacity = np.array([0, 100, 255, 255, 30] + [255] * 11, dtype=np.uint8)
    index = rgb[..., :1] >> 4
    files["palette.png"] = png(index, 4, 3, (b"PLTE", palette.tobytes()), (b"tRNS", opacity[:5].tobytes()))
    known["palette.png"] = over_white(palette[index[..., 0]], opacity[index[..., 0]])
    key = rgb[5, 5]
    files["key.png"] = png(rgb, 8, 2, (b"tRNS", key.astype(">u2").tobytes()))
    known["key.png"] = np.where((rgb == key).all(axis=2)[..., None], 255, rgb)

    files["colour.bmp"] = saved(colour, "BMP")
    files["grey.bmp"] = saved(grey, "BMP")
    files["one-bit.bmp"] = saved(grey.point(lambda v: 255 * (v > 127)).convert("1"), "BMP")
    files["palette.gif"] = saved(colour.quantize(16), "GIF")
    # The frame is moved to (3, 2) of a screen that is larger by 5 columns and 4 rows.
    moved = bytearray(files["palette.gif"])
    moved[6:10] = struct.pack("<HH", WIDTH + 5, HEIGHT + 4)
    frame = moved.index(b"\x2c\0\0\0\0" + struct.pack("<HH", WIDTH, HEIGHT))
    moved[frame + 1 : frame + 5] = struct.pack("<HH", 3, 2)
    files["moved.gif"] = bytes(moved)
    whole = np.full((HEIGHT + 4, WIDTH + 5, 3), 255, np.uint8)
    whole[2 : 2 + HEIGHT, 3 : 3 + WIDTH] = np.array(colour.quantize(16).convert("RGB"))
    known["moved.gif"] = whole
    files["lossy.webp"] = saved(colour, "WEBP", quality=95)
    files["lossless.webp"] = saved(colour, "WEBP", lossless=True)
    files["profile.webp"] = saved(colour, "WEBP", lossless=True, icc_profile=swapped_profile())
    files["alpha.webp"] = saved(Image.fromarray(transparent), "WEBP", lossless=True, exact=True)
    known["alpha.webp"] = known["alpha.png"]
    return files, known


def resized(image, shorter):
    """The size that torchvision's Resize(shorter) gives."""
    width, height = image.size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def centre(image, size):
    """torchvision's CenterCrop."""
    left = int(round((image.size[0] - size) / 2.0))
    top = int(round((image.size[1] - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def make_resized():
    arrays = {}
    filters = {name: Image.Resampling[name.upper()] for name in ("bilinear", "bicubic", "box", "lanczos")}
    for k, (height, width, channels) in enumerate([(29, 40, 3), (50, 13, 3), (7, 9, 1), (33, 33, 1), (1, 60, 3)]):
        pixels = picture(height, width, channels, 10 + k)
        # White noise on half of the image: overshoots, and every weight counts.
        noise = np.random.default_rng(20 + k).integers(0, 256, pixels.shape, dtype=np.uint8)
        pixels[:, : width // 2] = noise[:, : width // 2]
        arrays[f"in-{k}"] = pixels
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        for name, kind in filters.items():
            for size in [(12, 12), (width, 5), (31, height), (2 * width + 1, 3 * height), (8, 20), (1, 1)]:
                out = np.array(image.resize(size, kind))
                arrays[f"{name}-{k}-{size[0]}x{size[1]}"] = out.reshape(size[1], size[0], channels)
            for shorter, size in [(16, 16), (16, 14), (19, 16), (40, 32)]:
                out = np.array(centre(image.resize(resized(image, shorter), kind), size))
                arrays[f"crop-{name}-{k}-{shorter}-{size}"] = out.reshape(size, size, channels)
    return arrays


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    files, known = make_files()
    expected = {}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        with Image.open(io.BytesIO(content)) as image:
            upright = np.array(ImageOps.exif_transpose(image).convert("RGB"))
        expected[name] = known.get(name, upright)
    np.savez_compressed(folder / "expected.npz", **expected)
    np.savez_compressed(folder / "resize.npz", **make_resized())


if __name__ == "__main__":
    main()
