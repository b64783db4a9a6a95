package dev.palimpsest.configs.data;

/** The orientation in which pictures are used, if it is not the one in which they are stored. */
public enum Orientation {
  /**
   * Pictures are rotated and mirrored as the file's EXIF orientation says (TIFF tag 0x0112, values
   * 1 to 8). A picture without a valid EXIF orientation is used as it is stored.
   */
  EXIF
}
