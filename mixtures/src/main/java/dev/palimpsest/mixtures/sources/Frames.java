package dev.palimpsest.mixtures.sources;

import dev.palimpsest.mixtures.images.ImageDecoder;
import dev.palimpsest.mixtures.images.ImageReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Frames of videos: folders of pictures, animations, and files with several pages. */
public final class Frames {
  private static final Set<String> ENDINGS =
      Set.of("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff");

  private Frames() {}

  /**
   * A row in which every folder, animation and file with several pages is replaced by frames of it.
   *
   * @param most the most frames of each; if there are more, the middle frames of that many equal
   *     parts are used. With 1, the first frame is used and no file is opened to count its frames
   * @throws BadExampleException when a folder is empty or a file cannot be read
   */
  public static Row expanded(Row row, int most) {
    List<ImageReference> images = new ArrayList<>();
    for (ImageReference image : row.images()) {
      try {
        Optional<Path> folder = image.folder();
        if (folder.isPresent()) {
          List<Path> files = files(folder.get());
          if (files.isEmpty()) {
            throw new IOException("a folder without pictures");
          }
          chosen(files.size(), most).forEach(i -> images.add(ImageReference.file(files.get(i))));
        } else if (most > 1) {
          int count = ImageDecoder.frames(image.content().read());
          chosen(count, most)
              .forEach(i -> images.add(new ImageReference(image.name(), image.content(), i)));
        } else {
          images.add(image);
        }
      } catch (IOException e) {
        throw image.unread(row.id(), e);
      }
    }
    return new Row(row.id(), images, row.fields());
  }

  /** The frames that are used. */
  private static IntStream chosen(int count, int most) {
    return most == 1
        ? IntStream.of(0)
        : count <= most
            ? IntStream.range(0, count)
            : IntStream.range(0, most).map(i -> (int) ((2L * i + 1) * count / (2L * most)));
  }

  /** Pictures of a folder in the order of their names. */
  static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(
              file -> {
                String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
                return ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1));
              })
          .sorted()
          .toList();
    }
  }
}
