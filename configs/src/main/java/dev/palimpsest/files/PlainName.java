package dev.palimpsest.files;

/**
 * Names that a manifest or an index may give to a file in its own folder: letters, digits, dots,
 * dashes and underscores, no leading dot. A name of any other form could lead out of the folder.
 */
public final class PlainName {
  private PlainName() {}

  /** Whether a name is plain. */
  public static boolean matches(String name) {
    return name.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*");
  }
}
