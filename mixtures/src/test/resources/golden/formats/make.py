"""Small pictures of the less usual formats with Pillow's RGB levels beside them: python3 make.py"""

import os

from PIL import Image


def drawn(shift):
    picture = Image.new("RGB", (12, 9))
    picture.putdata([((x * 20 + shift) % 256, y * 25, (x * y * 3 + shift) % 256) for y in range(9) for x in range(12)])
    return picture


def levels(name):
    picture = Image.open(name)
    for frame in range(getattr(picture, "n_frames", 1)):
        picture.seek(frame)
        with open(f"{name}.{frame}.rgb", "wb") as out:
            out.write(picture.convert("RGB").tobytes())


drawn(0).save("lossless.webp", lossless=True)
levels("lossless.webp")
drawn(0).save("lossy.webp", quality=90)
levels("lossy.webp")

# Each frame covers a part of the screen only; the second and third are drawn over what is there.
frames = [drawn(0).quantize(64, dither=0)]
for i in (1, 2, 3):
    frame = frames[-1].convert("RGB")
    frame.paste((40 * i, 255 - 60 * i, 90), (2 * i, i, 2 * i + 4, i + 3))
    frames.append(frame.quantize(64, dither=0))
frames[0].save("animation.gif", save_all=True, append_images=frames[1:], optimize=False)
levels("animation.gif")

drawn(0).save("pages.tif", save_all=True, append_images=[drawn(60), drawn(120)])
levels("pages.tif")

# Of the animated WebP the first frame alone is read.
still = [frame.convert("RGB") for frame in frames[:2]]
still[0].save("animation.webp", save_all=True, append_images=still[1:], lossless=True)
levels("animation.webp")
os.remove("animation.webp.1.rgb")
