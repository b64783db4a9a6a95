package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.mixtures.formats.ArrowFile;
import dev.palimpsest.mixtures.formats.BadExampleException;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rows of an Arrow IPC file or stream. Columns become fields, except those of pictures, whose bytes
 * are read when the picture is decoded.
 *
 * <p>The fingerprint covers the file as described at {@link SourceFiles#addSampled}, and the chosen
 * columns; of pictures that are given as paths it only covers the paths.
 */
final class ArrowSource implements ExampleSource {
  private static final Logger log = LoggerFactory.getLogger(ArrowSource.class);
  private static final List<String> USUAL_PICTURES = List.of("image", "images");

  /** The file named in messages; for Parquet this is not the file that is read. */
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
    if (arrow.rows() == 0) {
      return; // a part of a table, which may also lack columns
    }
    List<String> chosen = columns.isEmpty() ? readable(pictures) : columns;
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
  }

  /** The columns that are read; logs the others. */
  private List<String> readable(List<String> pictures) {
    List<String> readable = new ArrayList<>();
    for (String column : arrow.columns()) {
      Optional<String> unread = arrow.unread(column);
      if (unread.isPresent() && !pictures.contains(column)) {
        log.warn("source {}: {}; it is left out", file, unread.get());
      } else {
        readable.add(column);
      }
    }
    return readable;
  }

  private void requireColumn(String column) {
    if (!arrow.columns().contains(column)) {
      throw new MalformedFileException(
          "source %s has no column '%s'; it has %s".formatted(file, column, arrow.columns()));
    }
    arrow
        .unread(column)
        .ifPresent(
            unread -> {
              throw new MalformedFileException("source %s: %s".formatted(file, unread));
            });
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
   * Opens a file in place of another.
   *
   * @param named the name in messages and ids
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
