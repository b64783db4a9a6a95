package dev.palimpsest.mixtures.sources;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.mixtures.images.ImageReference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A source's row, before a {@code Task} makes a prompt and a target of it.
 *
 * @param id stable and unique in its source; names the row in messages and logs
 * @param images in order
 * @param fields everything else, by name; must not be changed
 */
public record Row(String id, List<ImageReference> images, ObjectNode fields) {
  /** Copies the list. */
  public Row {
    images = List.copyOf(images);
  }

  /** The same row with its pictures in another orientation. */
  public Row with(@Nullable Orientation orientation) {
    return new Row(id, images.stream().map(image -> image.with(orientation)).toList(), fields);
  }
}
