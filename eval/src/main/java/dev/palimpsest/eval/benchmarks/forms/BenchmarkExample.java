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
 * @param references accepted answers, one per annotator where there are several; empty where the
 *     file keeps them back
 * @param fields what metrics and prompts may need besides: {@code answer_type}, {@code choices},
 *     {@code bbox}
 * @param pictures the pictures, where the form itself knows them, as Parquet does that holds them;
 *     null where they are the files of {@code images} in the definition's folder of pictures
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
  /** Copies. */
  public BenchmarkExample {
    images = List.copyOf(images);
    references = List.copyOf(references);
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    pictures = pictures == null ? null : List.copyOf(pictures);
  }

  /** An example whose pictures are files of the definition's folder, seen as they are. */
  public BenchmarkExample(
      String id,
      List<String> images,
      String question,
      List<String> references,
      Map<String, JsonNode> fields) {
    this(id, images, question, references, fields, null, ImageSteps.NONE);
  }

  /** The example under another id and with more fields. */
  public BenchmarkExample with(String otherId, Map<String, JsonNode> more) {
    Map<String, JsonNode> all = new LinkedHashMap<>(fields);
    all.putAll(more);
    return new BenchmarkExample(otherId, images, question, references, all, pictures, steps);
  }

  /** The example with other names of its pictures. */
  public BenchmarkExample withImages(List<String> others) {
    return new BenchmarkExample(id, others, question, references, fields, pictures, steps);
  }

  /** The example with the pictures that the form knows. */
  public BenchmarkExample withPictures(List<ImageReference> known) {
    return new BenchmarkExample(id, images, question, references, fields, known, steps);
  }

  /** The example with something done to its pictures first. */
  public BenchmarkExample withSteps(ImageSteps first) {
    return new BenchmarkExample(id, images, question, references, fields, pictures, first);
  }
}
