package dev.palimpsest.eval.benchmarks.forms.expressions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * RefCOCO, RefCOCO+ and RefCOCOg (https://github.com/lichengunc/refer): the pickle {@code
 * refs(unc|umd|google).p}, and its {@code instances.json} in COCO's form. One example for each
 * expression, with fields {@code bbox} (x, y, width, height in pixels), {@code mask} (polygons or
 * run lengths), {@code height} and {@code width} of the image, {@code split}, {@code ref_id},
 * {@code ann_id}.
 *
 * <pre>
 * [{'sent_ids': [0, 1, 2], 'file_name': 'COCO_train2014_000000581857_16.jpg', 'ann_id': 1719310,
 *   'ref_id': 0, 'image_id': 581857, 'split': 'train', 'sentences': [{'sent_id': 0,
 *     'raw': 'THE LADY WITH THE BLUE SHIRT', 'sent': 'the lady with the blue shirt', ...}, ...]}, ...]
 * </pre>
 */
public final class RefCocoForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    return read(files.file("refs"), files.file("instances"));
  }

  /**
   * Reads the pair of files.
   *
   * @throws BenchmarkFormatException when the pickle contains more than data, or names an
   *     annotation that the other file lacks
   */
  static List<BenchmarkExample> read(Path refs, Path instances) throws IOException {
    JsonFile json = JsonFile.read(instances);
    Map<String, JsonNode> images = byId(json, "images");
    Map<String, JsonNode> annotations = byId(json, "annotations");
    List<BenchmarkExample> examples = new ArrayList<>();
    for (Object item : list(Pickle.read(Files.readAllBytes(refs), refs.toString()), refs)) {
      Map<?, ?> ref = map(item, refs);
      JsonNode annotation = joined(annotations, value(ref, "ann_id", refs), "annotation", json);
      JsonNode image = joined(images, value(ref, "image_id", refs), "image", json);
      Map<String, JsonNode> fields = JsonFile.fields(image, "height", "width");
      fields.putAll(JsonFile.fields(annotation, "bbox"));
      fields.put("mask", annotation.path("segmentation"));
      for (String key : List.of("split", "ref_id", "ann_id")) {
        fields.put(key, TextNode.valueOf(value(ref, key, refs)));
      }
      // COCO_train2014_000000000008_3.jpg is object 3 on that image.
      String file = value(ref, "file_name", refs).replaceFirst("_\\d+(\\.[A-Za-z]+)$", "$1");
      for (Object entry : list(ref.get("sentences"), refs)) {
        Map<?, ?> sentence = map(entry, refs);
        examples.add(
            new BenchmarkExample(
                value(sentence, "sent_id", refs),
                List.of(file),
                value(sentence, "sent", refs),
                List.of(),
                fields));
      }
    }
    return examples;
  }

  private static Map<String, JsonNode> byId(JsonFile json, String key) {
    Map<String, JsonNode> byId = new HashMap<>();
    json.list(key).forEach(item -> byId.put(json.text(item, "id"), item));
    return byId;
  }

  private static JsonNode joined(
      Map<String, JsonNode> byId, String id, String what, JsonFile json) {
    JsonNode found = byId.get(id);
    if (found == null) {
      throw new BenchmarkFormatException(json.path() + ": there is no " + what + " " + id);
    }
    return found;
  }

  private static String value(Map<?, ?> map, String key, Path file) {
    Object value = map.get(key);
    if (value == null || value == Pickle.NONE) {
      throw new BenchmarkFormatException(file + ": an item has no \"" + key + "\"");
    }
    if (!Pickle.isSingle(value)) {
      throw new BenchmarkFormatException(
          file + ": \"" + key + "\" of an item is a collection; expected a text or a number");
    }
    return value.toString();
  }

  private static List<?> list(@Nullable Object value, Path file) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new BenchmarkFormatException(file + ": expected a list of references");
  }

  private static Map<?, ?> map(Object value, Path file) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new BenchmarkFormatException(file + ": expected a reference, got another value");
  }
}
