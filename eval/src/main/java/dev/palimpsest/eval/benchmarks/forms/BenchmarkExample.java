package dev.palimpsest.eval.benchmarks.forms;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.images.ImageSteps;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One example of a benchmark.
 *
 * @param id as the benchmark counts: question, image, expression
 * @param images file names as the benchmark writes them; two for benchmarks on pairs
 * @param question the question, sentence or expression; empty for captions
 * @param references accepted answers, one per annotator if there are several; empty if they are not
 *     public
 * @param fields what metrics and prompts may need in addition: {@code answer_type}, {@code
 *     choices}, {@code bbox}
 * @param pictures the pictures, if the form itself provides them, as Parquet files that contain
 *     them do; null if they are the files {@code images} in the definition's folder of pictures
 * @param steps what is done to a picture first
 */
public record BenchmarkExample(
    String id,
    List<String> images,
    String question,
    List<String> references,
    Map<String, JsonNode> fields,
    @Nullable List<ImageReference> pictures,
    ImageSteps steps) {
  /** Keeps unmodifiable copies. */
  public BenchmarkExample {
    images = List.copyOf(images);
    references = List.copyOf(references);
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    pictures = pictures == null ? null : List.copyOf(pictures);
  }

  /** An example whose pictures are unchanged files in the definition's folder. */
  public BenchmarkExample(
      String id,
      List<String> images,
      String question,
      List<String> references,
      Map<String, JsonNode> fields) {
    this(id, images, question, references, fields, null, ImageSteps.NONE);
  }

  /** The example with another id and more fields. */
  public BenchmarkExample with(String otherId, Map<String, JsonNode> more) {
    Map<String, JsonNode> all = new LinkedHashMap<>(fields);
    all.putAll(more);
    return new BenchmarkExample(otherId, images, question, references, all, pictures, steps);
  }

  /** The example with other names for its pictures. */
  public BenchmarkExample withImages(List<String> others) {
    return new BenchmarkExample(id, others, question, references, fields, pictures, steps);
  }

  /** The example with pictures that the form provides. */
  public BenchmarkExample withPictures(List<ImageReference> known) {
    return new BenchmarkExample(id, images, question, references, fields, known, steps);
  }

  /** The example with steps that are applied to its pictures. */
  public BenchmarkExample withSteps(ImageSteps first) {
    return new BenchmarkExample(id, images, question, references, fields, pictures, first);
  }
}
