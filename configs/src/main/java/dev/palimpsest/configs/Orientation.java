package dev.palimpsest.configs;

/** Which way up pictures are seen, where that is not as their pixels are stored. */
public enum Orientation {
  /**
   * As the file's EXIF orientation says (TIFF tag 0x0112, values 1 to 8). A picture without one, or
   * with a damaged one, is seen as it is stored.
   */
  EXIF
}
