package dev.palimpsest.eval;

import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.Outline;
import dev.palimpsest.mixtures.images.Turn;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** Hashes of pictures' bytes, each read once. */
final class Pictures {
  private final Map<ImageReference, String> known = new HashMap<>();

  /**
   * Hash of an example's pictures in order.
   *
   * @throws UncheckedIOException when one cannot be read
   */
  String hash(Example example) {
    String all =
        example.images().stream()
            .map(image -> known.computeIfAbsent(image, i -> hash(example, i)))
            .collect(Collectors.joining(" "));
    Outline outline = example.steps().outline();
    String seen = outline == null ? all : all + " " + outline;
    return example.images().size() == 1 && outline == null ? seen : Checksum.of(seen);
  }

  private static String hash(Example example, ImageReference image) {
    try {
      String bytes = Checksum.of(image.content().read());
      return bytes
          + (image.frame() == 0 ? "" : "#" + image.frame())
          + (image.correction() == Turn.NONE ? "" : " turned " + image.correction().value());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "example %s: image %s cannot be read".formatted(example.id(), image.name()), e);
    }
  }
}
