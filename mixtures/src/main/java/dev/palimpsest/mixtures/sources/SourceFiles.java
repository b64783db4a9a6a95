package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.checks.LocalPaths;
import dev.palimpsest.configs.checks.PlaceholderFile;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the files of sources, ensures that names in them do not leave their folders, and
 * fingerprints them.
 */
public final class SourceFiles {
  private static final Logger log = LoggerFactory.getLogger(SourceFiles.class);
  private static final Pattern GLOB = Pattern.compile("[*?\\[{]");
  private static final Pattern STARS = Pattern.compile("[*?\\[]");

  /** Files up to this size are fingerprinted as a whole. */
  private static final long WHOLE = 16L << 20;

  /** Of larger files, the two ends and this many places in between are covered. */
  private static final int PLACES = 62;

  private static final int PLACE_BYTES = 1 << 16;
  private static final int END_BYTES = 1 << 20;

  private SourceFiles() {}

  /**
   * Opens what a path names: a file, or all files that match a glob or braces as one source. Files
   * without rows, which engines that write in parts leave behind, are skipped.
   *
   * @throws UncheckedIOException when there is no such file
   * @throws MalformedFileException when none of them has a row
   */
  static ExampleSource open(String pathOrGlob, Function<Path, ExampleSource> opener) {
    List<Path> files = matching(pathOrGlob);
    List<Path> filled = new ArrayList<>();
    List<ExampleSource> parts = new ArrayList<>();
    try {
      for (Path file : files) {
        requireFetched(file);
        ExampleSource part = opener.apply(file);
        if (part.size() > 0) {
          filled.add(file);
          parts.add(part);
        } else {
          part.close();
        }
      }
      if (parts.isEmpty()) {
        throw new MalformedFileException(
            files.size() == 1
                ? "source %s has no examples".formatted(files.get(0))
                : "none of the %d files of source %s has an example"
                    .formatted(files.size(), pathOrGlob));
      }
      if (parts.size() < files.size()) {
        log.info(
            "{} of the {} files of source {} have no examples",
            files.size() - parts.size(),
            files.size(),
            pathOrGlob);
      }
      return parts.size() == 1 ? parts.get(0) : new ConcatenatedSource(parts, folders(filled));
    } catch (RuntimeException e) {
      parts.forEach(ExampleSource::close);
      throw e;
    }
  }

  /**
   * Distinguishes files of the same name ({@code en/0.parquet}, {@code de/0.parquet}), because
   * sources name rows by the name of their file: the path to each from the folder that contains
   * them all. Empty texts if the names differ.
   */
  private static List<String> folders(List<Path> files) {
    if (files.stream().map(Path::getFileName).distinct().count() == files.size()) {
      return files.stream().map(file -> "").toList();
    }
    Path common = files.get(0).getParent();
    for (Path file : files) {
      while (common != null && !file.startsWith(common)) {
        common = common.getParent();
      }
    }
    List<String> folders = new ArrayList<>();
    for (Path file : files) {
      Path way = common == null ? file : common.relativize(file);
      StringBuilder folder = new StringBuilder();
      for (int i = 0; i + 1 < way.getNameCount(); i++) {
        folder.append(way.getName(i)).append('/');
      }
      folders.add(folder.toString());
    }
    return folders;
  }

  /**
   * The file, or those that match a glob or braces, in the order of their names.
   *
   * @throws UncheckedIOException when a member of a range or list of braces does not exist, or
   *     nothing matches the glob
   */
  static List<Path> matching(String pathOrGlob) {
    try {
      return found(pathOrGlob);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + pathOrGlob, e);
    }
  }

  /** What is wrong with a path or glob for which there is no file. */
  static Optional<String> missing(String pathOrGlob) {
    Optional<String> address = LocalPaths.mistake(pathOrGlob);
    if (address.isPresent()) {
      return address;
    }
    try {
      if (Files.exists(Path.of(pathOrGlob))) {
        return Optional.empty();
      }
      if (!GLOB.matcher(pathOrGlob).find()) {
        return Optional.of(
            "no such file or folder: " + Path.of(pathOrGlob).toAbsolutePath().normalize());
      }
      found(pathOrGlob);
      return Optional.empty();
    } catch (InvalidPathException e) {
      return Optional.of("is not a path: " + e.getReason());
    } catch (FileSystemException e) {
      String which = pathOrGlob.indexOf('{') < 0 ? "" : ": " + e.getReason();
      return Optional.of("no file matches " + pathOrGlob + which);
    } catch (IOException e) {
      return Optional.of("cannot look for %s: %s".formatted(pathOrGlob, e.getMessage()));
    }
  }

  /** Refuses what Git or a server has left in place of a file. */
  static void requireFetched(Path file) {
    Optional<String> substitute = PlaceholderFile.substitute(file);
    if (substitute.isPresent()) {
      throw new MalformedFileException("source %s %s".formatted(file, substitute.get()));
    }
  }

  private static List<Path> found(String pathOrGlob) throws IOException {
    if (Files.isRegularFile(Path.of(pathOrGlob))) {
      return List.of(Path.of(pathOrGlob)); // whatever characters its name has
    }
    List<String> members;
    try {
      members = Braces.expanded(pathOrGlob);
    } catch (IllegalArgumentException e) {
      throw missing(pathOrGlob, String.valueOf(e.getMessage()));
    }
    TreeSet<Path> found = new TreeSet<>();
    for (String member : members) {
      found.addAll(glob(member));
    }
    return List.copyOf(found);
  }

  /** Files of a path without braces. */
  private static List<Path> glob(String path) throws IOException {
    Path literal = Path.of(path);
    if (Files.exists(literal) || !STARS.matcher(path).find()) {
      if (!Files.isRegularFile(literal)) {
        throw missing(
            path,
            Files.isDirectory(literal)
                ? path + " is a folder"
                : Files.exists(literal)
                    ? path + " is a pipe or a device, not a regular file"
                    : "there is no file " + path);
      }
      return List.of(literal);
    }
    Path pattern = literal.toAbsolutePath().normalize();
    Path folder = pattern.getRoot();
    int fixed = 0;
    while (folder != null && !STARS.matcher(pattern.getName(fixed).toString()).find()) {
      folder = folder.resolve(pattern.getName(fixed++));
    }
    if (folder == null || !Files.isDirectory(folder)) {
      throw missing(path, "there is no folder " + folder);
    }
    PathMatcher matcher;
    try {
      String plain = pattern.toString().replaceAll("[{}]", "\\\\$0");
      matcher = FileSystems.getDefault().getPathMatcher("glob:" + plain);
    } catch (PatternSyntaxException e) {
      throw missing(path, "it is not a valid glob: " + e.getDescription());
    }
    List<Path> found = new ArrayList<>();
    Files.walkFileTree(
        folder,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS), // data are often stored elsewhere
        pattern.getNameCount() - fixed,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (matcher.matches(file) && attributes.isRegularFile()) {
              found.add(file);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException failure)
              throws IOException {
            if (failure instanceof FileSystemLoopException) {
              return FileVisitResult.CONTINUE;
            }
            throw failure;
          }
        });
    if (found.isEmpty()) {
      throw missing(path, "no file in %s matches %s".formatted(folder, path));
    }
    return found;
  }

  private static NoSuchFileException missing(String path, String reason) {
    return new NoSuchFileException(path, null, reason);
  }

  /** The folder given, or the one that contains the file. */
  static Path folder(@Nullable String given, Path file) {
    Path folder = given != null ? Path.of(given) : file.toAbsolutePath().getParent();
    if (folder == null) {
      throw new IllegalArgumentException("source " + file + " is not a file");
    }
    return folder.toAbsolutePath().normalize();
  }

  /**
   * A picture by its name in a source: relative names may not leave the folder, absolute ones are
   * allowed.
   *
   * @throws IllegalArgumentException when the name is not a file name, leaves the folder, or is a
   *     URL
   */
  static Path picture(Path folder, String name) {
    if (name.isBlank()) {
      throw new IllegalArgumentException("the image's name is empty");
    }
    if (LocalPaths.mistake(name).isPresent()) {
      throw new IllegalArgumentException(
          "image '%s' is a URL; pictures are read from files: download it"
              .formatted(name.length() <= 80 ? name : name.substring(0, 80) + "..."));
    }
    Path path;
    try {
      path = folder.resolve(name).normalize();
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(
          "image '%s' is not a file name: %s".formatted(name, e.getReason()), e);
    }
    if (!Path.of(name).isAbsolute() && !path.startsWith(folder)) {
      throw new IllegalArgumentException(
          "image '%s' leaves the images folder %s".formatted(name, folder));
    }
    if (path.equals(folder) || path.getFileName() == null) {
      throw new IllegalArgumentException(
          "image '%s' is a folder of pictures, not one of them".formatted(name));
    }
    return path;
  }

  /**
   * The same for annotation files, whose names are relative by their definition.
   *
   * @throws IllegalArgumentException as {@link #picture}, and when the name leads elsewhere
   */
  static Path pictureWithin(Path folder, String name) {
    Path path = picture(folder, name);
    if (!path.startsWith(folder)) {
      throw new IllegalArgumentException(
          "image '%s' leaves the images folder %s".formatted(name, folder));
    }
    return path;
  }

  /**
   * Adds a picture of an annotation file as {@link #addPicture} does, or only its name if that is
   * not possible.
   */
  static void addPictureWithin(Digest digest, String name, Path folder, String fileName) {
    try {
      addPicture(digest, name, pictureWithin(folder, fileName));
    } catch (IllegalArgumentException e) {
      digest.add(name).add(-2); // the reader of the row reports that it is bad
    }
  }

  /** Adds a picture's name and size; of a folder of frames, those of its files. */
  static void addPicture(Digest digest, String name, Path path) {
    digest.add(name);
    if (Files.isDirectory(path)) {
      try {
        for (Path frame : Frames.files(path)) {
          digest.add(String.valueOf(frame.getFileName())).add(size(frame));
        }
      } catch (IOException e) {
        digest.add(-1);
      }
    } else {
      digest.add(size(path));
    }
  }

  /** Size of a file in bytes; -1 if it is missing. */
  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      return -1;
    }
  }

  /** Adds all bytes of a file. */
  public static void addWhole(Digest digest, Path file) {
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      while (channel.read(buffer.clear()) >= 0) {
        digest.add(buffer.flip());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  /**
   * Adds a large file's size, its first and last MiB, and 64 KiB at each of 62 evenly spaced places
   * in between; files of up to 16 MiB are added completely. A change that keeps the size and misses
   * all of these places goes unnoticed.
   */
  static void addSampled(Digest digest, Path file) {
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      digest.add(size);
      if (size <= WHOLE) {
        addWhole(digest, file);
        return;
      }
      add(digest, channel, 0, END_BYTES);
      long between = size - 2L * END_BYTES - PLACE_BYTES;
      for (int i = 0; i < PLACES; i++) {
        add(digest, channel, END_BYTES + between / (PLACES - 1) * i, PLACE_BYTES);
      }
      add(digest, channel, size - END_BYTES, END_BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file, e);
    }
  }

  private static void add(Digest digest, FileChannel channel, long at, int length)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {}
    digest.add(buffer.flip());
  }
}
