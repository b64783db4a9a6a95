package dev.palimpsest.mixtures.images;

/**
 * A decoded picture.
 *
 * @param width in pixels
 * @param height in pixels
 * @param rgb uint8 [height, width, 3]
 */
public record Image(int width, int height, byte[] rgb) {
  /** Checks that the array has the size of the picture. */
  public Image {
    if (width < 1 || height < 1 || rgb.length != 3L * width * height) {
      throw new IllegalArgumentException(
          "a picture of %d x %d pixels needs %d bytes, got %d"
              .formatted(width, height, 3L * width * height, rgb.length));
    }
  }
}
