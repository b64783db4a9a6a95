"""Turned pictures as Pillow sees them: python3 make.py (made with Pillow 9.4.0).

pictures.jsonl: one picture, stored with each of the eight orientations in every format that has one;
the file and the levels that ImageOps.exif_transpose gives (Pillow turns TIFF files when it loads
them). damaged.jsonl: EXIF that is whole, odd or damaged, and the orientation that Pillow reads.
"""
import base64
import io
import json
import random
import struct
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

WIDTH, HEIGHT = 5, 3


def stored():
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            image.putpixel((x, y), (40 * x + 20, 70 * y + 30, 20 * (x + y)))
    return image


def entry(order, tag, type, count, value):
    return struct.pack(order + "HHI", tag, type, count) + value


def exif(order, entries, count=None, first=8, rest=b"", magic=42):
    count = len(entries) if count is None else count
    head = {">": b"MM", "<": b"II"}[order] + struct.pack(order + "HI", magic, first)
    return head + bytes(first - 8) + struct.pack(order + "H", count) + b"".join(entries) + rest


def orientation(order, value):
    return entry(order, 0x0112, 3, 1, struct.pack(order + "HH", value, 0))


def b64(data):
    return base64.b64encode(data).decode()


def pictures():
    for value in range(1, 9):
        order = "<>"[value % 2]
        payload = exif(order, [orientation(order, value)], rest=bytes(4))
        for format, options in [
            ("jpeg", {"quality": 90, "subsampling": 0, "optimize": True, "exif": b"Exif\0\0" + payload}),
            ("png", {"exif": payload}),
            ("webp", {"lossless": True, "exif": payload}),
            ("tiff", {"tiffinfo": {0x0112: value}}),
        ]:
            file = io.BytesIO()
            stored().save(file, format, **options)
            seen = Image.open(io.BytesIO(file.getvalue()))
            if format != "tiff":
                seen = ImageOps.exif_transpose(seen)
            seen = seen.convert("RGB")
            yield {
                "format": format,
                "orientation": value,
                "file": b64(file.getvalue()),
                "width": seen.width,
                "height": seen.height,
                "rgb": b64(seen.tobytes()),
            }


def damaged():
    for order in "<>":
        make = lambda value: orientation(order, value)
        short = lambda *values: struct.pack(order + "HH", *values)
        long = lambda value: struct.pack(order + "I", value)
        other = entry(order, 0x0100, 4, 1, long(7))
        good = exif(order, [make(6)], rest=bytes(4))
        yield "whole", good
        yield "magic in the other order", good[:2] + good[3:1:-1] + good[4:]
        yield "another magic", good[:2] + struct.pack(order + "H", 41) + good[4:]
        yield "another byte order mark", b"IM" + good[2:]
        yield "the other byte order mark", {">": b"II", "<": b"MM"}[order] + good[2:]
        for length in range(0, len(good)):
            yield "cut to %d bytes" % length, good[:length]
        for first in (0, 2, 7, len(good) - 1, len(good), 2**31 - 1, 2**31, 2**32 - 1):
            yield "directory at %d" % first, good[:4] + long(first) + good[8:]
        for count in (0, 2, 100, 65535):
            yield "%d entries promised" % count, exif(order, [make(6)], count=count)
            yield "%d entries promised, more bytes" % count, exif(order, [make(6)], count=count, rest=bytes(50))
        for value in (0, 1, 9, 255, 256, 65535):
            yield "value %d" % value, exif(order, [make(value)])
        for type in (0, 1, 2, 4, 7, 8, 9, 13, 14, 99, 65535):
            yield "type %d" % type, exif(order, [entry(order, 0x0112, type, 1, long(6))])
            yield "type %d, then a good one" % type, exif(order, [entry(order, 0x0112, type, 1, long(6)), make(8)])
        for count in (0, 2, 3, 20, 2**31, 2**32 - 1):
            yield "%d values" % count, exif(order, [entry(order, 0x0112, 3, count, short(6, 3))])
        yield "values elsewhere", exif(order, [entry(order, 0x0112, 3, 3, long(22))], rest=short(5, 6) + short(7, 8))
        yield "values elsewhere, cut", exif(order, [entry(order, 0x0112, 3, 3, long(22))], rest=short(5, 6))
        yield "other entries", exif(order, [other, make(7), other])
        yield "two of them", exif(order, [make(3), make(5)])
        for offset in (0, 8, 23, 60, 2**31, 2**32 - 1):
            text = entry(order, 0x010F, 2, 16, long(offset))
            yield "a text at %d before" % offset, exif(order, [text, make(6)], rest=bytes(4))
            yield "a text at %d after" % offset, exif(order, [make(6), text], rest=bytes(4))
        yield "a huge text before", exif(order, [entry(order, 0x010F, 2, 2**32 - 1, long(8)), make(6)])
        yield "a huge list of fractions", exif(order, [entry(order, 0x011A, 5, 2**32 - 1, long(8)), make(6)])
        yield "a directory that follows itself", exif(order, [make(6)], rest=long(8))
        yield "the next directory beyond the end", exif(order, [make(6)], rest=long(2**32 - 1))
        yield "in the second directory alone", exif(order, [other], rest=long(26) + struct.pack(order + "H", 1) + make(6))
    # Good ones with a few bytes changed.
    chance = random.Random(1)
    for i in range(100):
        order = "<>"[i % 2]
        text = entry(order, 0x010F, 2, 6, struct.pack(order + "I", 50))
        bytes_ = bytearray(exif(order, [text, orientation(order, 1 + i % 8), text], rest=b"\0\0\0\0camera"))
        for _ in range(1 + i % 3):
            bytes_[chance.randrange(len(bytes_))] = chance.choice([0, 1, 2, 3, 4, 6, 8, 18, 42, 127, 128, 255])
        yield "changed %d" % i, bytes(bytes_)


def read(payload):
    """What Pillow reads of a JPEG file with this EXIF segment; 1 where it reads nothing."""
    file = io.BytesIO()
    stored().save(file, "jpeg")
    jpeg = file.getvalue()
    segment = b"\xff\xe1" + struct.pack(">H", 8 + len(payload)) + b"Exif\0\0" + payload
    try:
        image = Image.open(io.BytesIO(jpeg[:2] + segment + jpeg[2:]))
        value = image.getexif().get(0x0112, 1)
    except (SyntaxError, UnidentifiedImageError, struct.error):
        return 1  # refused by some versions, ignored by others
    return value if value in range(1, 9) else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with open("pictures.jsonl", "w") as out:
        for line in pictures():
            out.write(json.dumps(line) + "\n")
    with open("damaged.jsonl", "w") as out:
        for what, payload in damaged():
            out.write(json.dumps({"what": what, "exif": payload.hex(), "orientation": read(payload)}) + "\n")
