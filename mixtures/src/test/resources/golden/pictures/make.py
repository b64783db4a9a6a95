"""Writes small pictures of every kind that is read, and levels.tsv with what they hold.

Needs Pillow 12.3, numpy, tifffile and imagecodecs. Levels are those of Pillow's convert("RGB"), of
every frame; where the script has drawn the samples itself and Pillow has another opinion (16 bits,
which it clips), those of the samples. The other files here stand in kept.tsv with their levels.

levels.tsv: file, frame, frames, width, height, SHA-256 of uint8 [height, width, 3].
"""

import hashlib
import io
import pathlib
import struct

import numpy as np
import tifffile
from PIL import Image

HERE = pathlib.Path(__file__).parent
ROWS = []


def picture(height, width, channels, kind=0):
    y, x = np.mgrid[0:height, 0:width]
    if kind == 1:
        return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, channels)).astype(np.uint8)
    waves = [127 + 120 * np.sin((x * (c + 1) + y * (3 - c)) / 9.0) for c in range(channels)]
    return np.stack(waves, -1).astype(np.uint8)


def row(name, frame, frames, levels):
    height, width, _ = levels.shape
    digest = hashlib.sha256(np.ascontiguousarray(levels.astype(np.uint8)).tobytes()).hexdigest()
    ROWS.append(f"{name}\t{frame}\t{frames}\t{width}\t{height}\t{digest}")


def put(name, data, levels=None):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    if levels is not None:
        row(name, 0, 1, levels)
        return
    image = Image.open(path)
    frames = getattr(image, "n_frames", 1)
    for frame in range(frames):
        image.seek(frame)
        row(name, frame, frames, np.asarray(image.convert("RGB")))


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# WebP.


def chunks(webp):
    at, found = 12, []
    while at + 8 <= len(webp):
        size = struct.unpack("<I", webp[at + 4 : at + 8])[0]
        found.append((webp[at : at + 4], webp[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def riff(parts):
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for n, d in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def u24(value):
    return struct.pack("<I", value)[:3]


def animation(width, height, frames):
    parts = [(b"VP8X", bytes([0x12, 0, 0, 0]) + u24(width - 1) + u24(height - 1))]
    parts.append((b"ANIM", bytes([30, 200, 10, 255, 0, 0])))
    for x, y, flags, webp in frames:
        image = Image.open(io.BytesIO(webp))
        head = u24(x // 2) + u24(y // 2) + u24(image.width - 1) + u24(image.height - 1) + u24(50) + bytes([flags])
        inner = [c for c in chunks(webp) if c[0] in (b"ALPH", b"VP8 ", b"VP8L")]
        parts.append((b"ANMF", head + riff(inner)[12:]))
    return riff(parts)


def webp():
    number = 0
    for width in (1, 2, 3, 16, 17, 33, 40):
        for height in (1, 2, 15, 18):
            quality = (5, 40, 75, 95)[number % 4]
            data = encoded(Image.fromarray(picture(height, width, 3, number % 2)), "WEBP", quality=quality, method=number % 7)
            put(f"webp/size_{width}x{height}.webp", data)
            number += 1
    for quality in (0, 60, 100):
        for lossless in (False, True):
            for exact in (False, True):
                options = dict(quality=quality, lossless=lossless, exact=exact, alpha_quality=quality)
                data = encoded(Image.fromarray(picture(31, 43, 4)), "WEBP", **options)
                put(f"webp/alpha_{quality}_{int(lossless)}{int(exact)}.webp", data)
    put("webp/sharp.webp", encoded(Image.fromarray(picture(61, 97, 3)), "WEBP", quality=50, use_sharp_yuv=True))
    put("webp/rubbish_profile.webp", encoded(Image.fromarray(picture(20, 30, 3)), "WEBP", icc_profile=b"rubbish" * 9))
    small = Image.fromarray(picture(20, 20, 3))
    clear = Image.fromarray(picture(14, 24, 4))
    full = Image.fromarray(picture(40, 52, 4, 1))
    one, two, three = (
        encoded(small, "WEBP", quality=70),
        encoded(clear, "WEBP", quality=70),
        encoded(full, "WEBP", lossless=True, exact=True),
    )
    for flags in range(4):
        data = animation(52, 40, [(6, 8, flags, one), (10, 12, flags, two), (28, 26, 0, two), (0, 0, flags, three), (4, 2, 0, two)])
        put(f"webp/animation_{flags}.webp", data)
        put(f"webp/animation_of_alpha_{flags}.webp", animation(52, 40, [(6, 8, flags, two), (0, 0, 0, three), (2, 2, flags, two), (8, 4, 0, two)]))


# TIFF.


def upper(levels):
    return (levels >> 8).astype(int) if levels.dtype == np.uint16 else levels.astype(int)


def mixed(inks):
    white = 255 - inks[..., 3:]
    product = inks[..., :3] * white + 128
    return np.clip(white - ((product >> 8) + product >> 8), 0, 255)


def tiff():
    kinds = {
        "grey": (1, dict(photometric="minisblack"), lambda a: np.repeat(a[..., :1], 3, -1)),
        "white": (1, dict(photometric="miniswhite"), lambda a: 255 - np.repeat(a[..., :1], 3, -1)),
        "grey_alpha": (2, dict(photometric="minisblack", extrasamples=["unassalpha"]), lambda a: np.repeat(a[..., :1], 3, -1)),
        "rgb": (3, dict(photometric="rgb"), lambda a: a),
        "rgba": (4, dict(photometric="rgb", extrasamples=["unassalpha"]), lambda a: a[..., :3]),
        "premultiplied": (
            4,
            dict(photometric="rgb", extrasamples=["assocalpha"]),
            lambda a: np.where(a[..., 3:] == 0, 0, np.minimum(255, a[..., :3] * 255 // np.maximum(a[..., 3:], 1))),
        ),
        "cmyk": (4, dict(photometric="separated"), mixed),
    }
    storages = {
        "plain": dict(rowsperstrip=4),
        "lzw": dict(compression="lzw", predictor=True, byteorder=">"),
        "deflate": dict(compression="adobe_deflate", predictor=True, tile=(16, 16)),
        "packbits": dict(compression="packbits", byteorder=">", rowsperstrip=5),
    }
    for kind, (channels, options, levels) in kinds.items():
        for depth in (np.uint8, np.uint16):
            for storage, how in storages.items():
                samples = picture(18, 21, channels).astype(depth)
                samples = samples * 257 ^ 0x3C if depth == np.uint16 else samples
                samples = samples.astype(depth)
                name = f"tiff/{kind}_{storage}_{8 * depth().itemsize}.tif"
                out = io.BytesIO()
                tifffile.imwrite(out, samples[..., 0] if channels == 1 else samples, metadata=None, **options, **how)
                put(name, out.getvalue(), levels(upper(samples)))
            if channels > 2:
                out = io.BytesIO()
                tifffile.imwrite(out, np.moveaxis(samples, -1, 0), metadata=None, planarconfig="separate", compression="lzw", **options)
                put(f"tiff/{kind}_planes_{8 * depth().itemsize}.tif", out.getvalue(), levels(upper(samples)))
    palette = (np.arange(768).reshape(3, 256) * 85 % 65536).astype(np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, picture(18, 21, 1)[..., 0], photometric="palette", colormap=palette, compression="lzw", metadata=None)
    put("tiff/palette.tif", out.getvalue())
    out = io.BytesIO()
    tifffile.imwrite(out, picture(18, 21, 3), photometric="rgb", bigtiff=True, byteorder=">", metadata=None)
    put("tiff/big.tif", out.getvalue(), picture(18, 21, 3))
    image = Image.fromarray(picture(40, 50, 3))
    put("tiff/jpeg.tif", encoded(image, "TIFF", compression="jpeg", quality=80))
    put("tiff/group4.tif", encoded(image.convert("1"), "TIFF", compression="group4"))
    # Refused by name.
    for name, samples, options in (
        ("lab", picture(9, 7, 3), dict(photometric="cielab")),
        ("float", picture(9, 7, 1)[..., 0].astype(np.float32), dict(photometric="minisblack")),
        ("signed", picture(9, 7, 1)[..., 0].astype(np.int16), dict(photometric="minisblack")),
        ("zstd", picture(9, 7, 3), dict(photometric="rgb", compression="zstd")),
    ):
        tifffile.imwrite(HERE / f"tiff/{name}.tif", samples, metadata=None, **options)


# JPEG: who says what the components are (libjpeg's jdapimin.c).


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def bare(jpeg):
    out, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        size = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if not 0xE0 <= jpeg[at + 1] <= 0xEF:
            out += jpeg[at : at + size]
        at += size
    return out + jpeg[at:]


def named(jpeg, names):
    out, at, ids = bytearray(jpeg), 2, {}
    while out[at + 1] != 0xDA:
        if out[at + 1] == 0xC0:
            for i in range(out[at + 9]):
                ids[out[at + 10 + 3 * i]] = names[i]
                out[at + 10 + 3 * i] = names[i]
        at += 2 + struct.unpack(">H", out[at + 2 : at + 4])[0]
    for i in range(out[at + 4]):
        out[at + 5 + 2 * i] = ids[out[at + 5 + 2 * i]]
    return bytes(out)


def jpeg():
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    adobe = [segment(0xEE, b"Adobe" + struct.pack(">HHH", 100, 0, 0) + bytes([t])) for t in range(3)]
    heads = {
        "none": b"",
        "jfif": jfif,
        "adobe0": adobe[0],
        "adobe1": adobe[1],
        "adobe2": adobe[2],
        "jfif_adobe0": jfif + adobe[0],
        "adobe0_jfif": adobe[0] + jfif,
        "profile": segment(0xE2, b"ICC_PROFILE\0\1\1" + b"rubbish" * 9),
    }
    for subsampling in (0, 2):
        plain = bare(encoded(Image.fromarray(picture(24, 33, 3)), "JPEG", quality=85, subsampling=subsampling))
        for head, data in heads.items():
            put(f"jpeg/three_{subsampling}_{head}.jpg", plain[:2] + data + plain[2:])
        letters = named(plain, b"RGB")
        for head in ("none", "jfif", "adobe1"):
            put(f"jpeg/letters_{subsampling}_{head}.jpg", letters[:2] + heads[head] + letters[2:])
        put(f"jpeg/from_zero_{subsampling}.jpg", named(plain, bytes([0, 1, 2])))
    inks = bare(encoded(Image.fromarray(picture(24, 33, 4), "CMYK"), "JPEG", quality=85))
    for head in ("none", "jfif", "adobe0", "adobe1", "adobe2", "jfif_adobe0"):
        put(f"jpeg/four_{head}.jpg", inks[:2] + heads[head] + inks[2:])
    grey = bare(encoded(Image.fromarray(picture(24, 33, 1)[..., 0]), "JPEG", quality=85, progressive=True))
    for head in ("none", "jfif", "adobe0"):
        put(f"jpeg/one_{head}.jpg", grey[:2] + heads[head] + grey[2:])
    colour = encoded(Image.fromarray(picture(24, 33, 3)), "JPEG", quality=85)
    frame = colour.index(b"\xff\xc0")
    for name, marker, bits in (("twelve_bits", 0xC1, 12), ("lossless", 0xC3, 8), ("hierarchical", 0xC5, 8)):
        (HERE / f"jpeg/{name}.jpg").write_bytes(
            colour[: frame + 1] + bytes([marker]) + colour[frame + 2 : frame + 4] + bytes([bits]) + colour[frame + 5 :]
        )


# BMP.


def bmp():
    width, height = 17, 9
    random = np.random.default_rng(3)

    def file(name, head, bits, compression, rows, palette=b"", masks=(), flipped=False, levels=None):
        data = b"".join(r + b"\0" * (-len(r) % 4) for r in rows)
        if head == 12:
            start = struct.pack("<IHHHH", 12, width, height, 1, bits)
        else:
            start = struct.pack("<IiiHHIIiiII", head, width, -height if flipped else height, 1, bits, compression, len(data), 2835, 2835, 0, 0)
            start = (start + b"".join(struct.pack("<I", m) for m in masks)).ljust(head, b"\0") if head > 40 else start
            start += b"".join(struct.pack("<I", m) for m in masks) if head == 40 else b""
        at = 14 + len(start) + len(palette)
        put(f"bmp/{name}.bmp", b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + start + palette + data, levels)

    def packed(values, bits):
        digits = "".join(format(int(v), f"0{bits}b") for v in values)
        digits += "0" * (-len(digits) % 8)
        return bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits), 8))

    for head in (12, 40, 64, 108, 124):
        for bits in (1, 4, 8):
            size = 3 if head == 12 else 4
            colours = random.integers(0, 256, (1 << bits, size)).astype(np.uint8)
            values = random.integers(0, 1 << bits, (height, width))
            file(f"palette{bits}_{head}", head, bits, 0, [packed(r, bits) for r in values], colours.tobytes(), levels=colours[values][::-1, :, 2::-1])
        file(f"bgr_{head}", head, 24, 0, [r.tobytes() for r in picture(height, width, 3)], levels=picture(height, width, 3)[::-1, :, ::-1])
        if head > 12:
            file(f"bgr_down_{head}", head, 24, 0, [r.tobytes() for r in picture(height, width, 3)], flipped=True, levels=picture(height, width, 3)[..., ::-1])
            file(f"bgrx_{head}", head, 32, 0, [r.tobytes() for r in picture(height, width, 4)], levels=picture(height, width, 4)[::-1, :, 2::-1])
    for head in (40, 108, 124):
        for name, masks in (
            ("565", (0xF800, 0x7E0, 0x1F)),
            ("555", (0x7C00, 0x3E0, 0x1F)),
            ("444", (0xF00, 0xF0, 0xF)),
        ):
            values = random.integers(0, 65536, (height, width))
            levels = np.stack([(values & m) // (m & -m) * 255 // (m // (m & -m)) for m in masks], -1)[::-1]
            file(f"masks{name}_{head}", head, 16, 3, [r.astype("<u2").tobytes() for r in values], masks=masks, levels=levels)
    colours = random.integers(0, 256, (256, 4)).astype(np.uint8)
    runs = b"\x09\x07\x08\x02\0\0" * 4 + b"\0\x05\1\2\3\4\5\0\x0c\x09\0\0" * 4 + b"\x11\x03\0\1"
    levels = [[7] * 9 + [2] * 8] * 4 + [[1, 2, 3, 4, 5] + [9] * 12] * 4 + [[3] * 17]
    file("rle8", 40, 8, 1, [runs], colours.tobytes(), levels=colours[np.array(levels)][::-1, :, 2::-1])


# GIF: first frames beside and beyond the logical screen are drawn as Pillow does.


def gif():
    frames = [Image.fromarray(picture(17 + i, 23, 3)).quantize(16) for i in range(3)]
    put("gif/animation.gif", encoded(frames[0], "GIF", save_all=True, append_images=[f.resize((23, 17)) for f in frames[1:]], duration=50))


def png():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        put(f"png/{mode}.png", encoded(Image.fromarray(picture(13, 19, 3)).convert(mode), "PNG"))
    put("png/rubbish_profile.png", encoded(Image.fromarray(picture(13, 19, 3)), "PNG", icc_profile=b"rubbish" * 9))


webp()
tiff()
jpeg()
bmp()
gif()
png()
(HERE / "levels.tsv").write_text("\n".join(ROWS) + "\n")
