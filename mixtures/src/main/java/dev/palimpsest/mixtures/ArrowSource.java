package dev.palimpsest.mixtures;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.formats.ArrowFile;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Rows of an Arrow IPC file or stream. Columns are fields, but for those of pictures, whose bytes
 * are read when the picture is decoded.
 *
 * <p>The fingerprint covers the file as {@link SourceFiles#addSampled} says, and the columns
 * chosen; pictures that are paths are covered by those alone.
 */
final class ArrowSource implements ExampleSource {
  private static final List<String> USUAL_PICTURES = List.of("image", "images");

  /** The file that messages name; for Parquet not the one that is read. */
  private final Path file;

  private final ArrowFile arrow;
  private final List<String> fields = new ArrayList<>();
  private final List<String> pictures = new ArrayList<>();
  private final Path images;
  private final Supplier<String> content;

  private ArrowSource(
      Path file,
      ArrowFile arrow,
      List<String> columns,
      List<String> pictures,
      Path images,
      Supplier<String> content) {
    this.file = file;
    this.arrow = arrow;
    this.images = images;
    this.content = content;
    List<String> chosen = columns.isEmpty() ? List.copyOf(arrow.columns()) : columns;
    for (String column : chosen) {
      requireColumn(column);
      boolean picture = (pictures.isEmpty() ? USUAL_PICTURES : pictures).contains(column);
      (picture ? this.pictures : fields).add(column);
    }
    for (String column : pictures) {
      requireColumn(column);
      if (!this.pictures.contains(column)) {
        this.pictures.add(column);
      }
    }
    if (arrow.rows() == 0) {
      throw new MalformedFileException("source " + file + " holds no example");
    }
  }

  private void requireColumn(String column) {
    if (!arrow.columns().contains(column)) {
      throw new MalformedFileException(
          "source %s has no column '%s'; it has %s".formatted(file, column, arrow.columns()));
    }
  }

  static ArrowSource open(Path file, List<String> columns, List<String> pictures, Path images) {
    return open(
        file,
        file,
        columns,
        pictures,
        images,
        () -> {
          Digest digest = new Digest();
          SourceFiles.addSampled(digest, file);
          return digest.hex();
        });
  }

  /**
   * Opens a file that stands for another.
   *
   * @param named what messages and ids call it
   * @param content fingerprint of the content
   */
  static ArrowSource open(
      Path named,
      Path file,
      List<String> columns,
      List<String> pictures,
      Path images,
      Supplier<String> content) {
    try {
      ArrowFile arrow = ArrowFile.open(file);
      try {
        return new ArrowSource(named, arrow, columns, pictures, images, content);
      } catch (RuntimeException e) {
        arrow.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read source " + named, e);
    }
  }

  @Override
  public long size() {
    return arrow.rows();
  }

  @Override
  public Row row(long index) {
    String id = file.getFileName() + ":" + index;
    try {
      ObjectNode json = arrow.row(index, fields);
      List<ImageReference> references = new ArrayList<>();
      for (String column : pictures) {
        for (ArrowFile.Blob blob : arrow.blobs(index, column)) {
          references.add(reference(id, column, blob));
        }
      }
      return new Row(id, references, json);
    } catch (IOException | IllegalArgumentException e) {
      throw new BadExampleException("%s:%d: %s".formatted(file, index, e.getMessage()), e);
    }
  }

  private ImageReference reference(String id, String column, ArrowFile.Blob blob) {
    if (blob.isEmbedded()) {
      String path = blob.path() == null ? "" : " (" + blob.path() + ")";
      return new ImageReference(id + "!" + column + path, blob::read, 0);
    }
    return ImageReference.file(
        SourceFiles.picture(images, java.util.Objects.requireNonNull(blob.path())));
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest().add(content.get());
    digest.add(fields.toArray(String[]::new)).add(0);
    digest.add(pictures.toArray(String[]::new));
    return digest.hex();
  }

  @Override
  public void close() {
    try {
      arrow.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot close source " + file, e);
    }
  }
}
