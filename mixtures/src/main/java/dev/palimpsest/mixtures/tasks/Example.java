package dev.palimpsest.mixtures.tasks;

import dev.palimpsest.configs.data.Orientation;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.ImageSteps;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One use of a row: a {@link Task}'s prompt and target.
 *
 * @param id stable and unique in its source; names the example in messages and logs
 * @param images in order
 * @param prefix the prompt
 * @param suffix the target of this context, possibly empty
 * @param references every target that the row accepts, {@code suffix} among them
 * @param steps how the pictures are varied
 */
public record Example(
    String id,
    List<ImageReference> images,
    String prefix,
    String suffix,
    List<String> references,
    ImageSteps steps) {
  /** Keeps unmodifiable copies. */
  public Example {
    images = List.copyOf(images);
    references = List.copyOf(references);
  }

  /** An example with unchanged pictures. */
  public Example(
      String id,
      List<ImageReference> images,
      String prefix,
      String suffix,
      List<String> references) {
    this(id, images, prefix, suffix, references, ImageSteps.NONE);
  }

  /** An example with one target. */
  public Example(String id, List<ImageReference> images, String prefix, String suffix) {
    this(id, images, prefix, suffix, List.of(suffix));
  }

  /** The same example under another id. */
  public Example withId(String other) {
    return new Example(other, images, prefix, suffix, references, steps);
  }

  /** The same example with its pictures in another orientation. */
  public Example with(@Nullable Orientation orientation) {
    List<ImageReference> turned = images.stream().map(image -> image.with(orientation)).toList();
    return new Example(id, turned, prefix, suffix, references, steps);
  }

  /** The same example with other steps. */
  Example with(ImageSteps other) {
    return new Example(id, images, prefix, suffix, references, other);
  }
}
