"""Prints passes.tsv's lines for one release of Pillow: name of the order, side, SHA-256 of the levels.

Run with 12.3 and 'rows_first', then with 13.0 and 'pillow_13'.
"""

import hashlib
import pathlib
import sys

from PIL import Image

image = Image.open(pathlib.Path(__file__).parent / "kept/rgb_17x45.png").convert("RGB")
for side in (5, 8, 16, 30, 44, 45, 64):
    levels = image.resize((side, side), Image.Resampling.BICUBIC).tobytes()
    print(sys.argv[1], side, hashlib.sha256(levels).hexdigest(), sep="\t")
