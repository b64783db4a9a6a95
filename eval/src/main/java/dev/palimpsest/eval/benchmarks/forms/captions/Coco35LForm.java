package dev.palimpsest.eval.benchmarks.forms.captions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * COCO-35L (https://google.github.io/crossmodal-3600/): a line for each translated caption, and
 * Karpathy's file for the pictures' names. English captions, from which the others were translated,
 * are taken from the German file, as in big_vision. Field {@code language}. Lines have this form:
 *
 * <pre>
 * {"image_id": "391895_0", "src_lang": "en", "trg_lang": "de", "caption_tokenized": "a kettle",
 *  "translation_tokenized": "ein Kessel", ...}
 * </pre>
 */
public final class Coco35LForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path file = files.file("captions");
    Path karpathy = files.file("dataset");
    Map<String, String> pictures = new LinkedHashMap<>();
    KarpathyForm.read(karpathy).forEach(e -> pictures.put(e.id(), e.images().get(0)));
    Map<String, Map<String, List<String>>> captions = new TreeMap<>();
    for (JsonNode line : JsonFile.readLines(file)) {
      JsonFile json = new JsonFile(file, line);
      String image = json.id(line, "image_id").split("_", 2)[0];
      String target = json.text(line, "trg_lang");
      add(captions, target, image, json.text(line, "translation_tokenized"));
      if (target.equals("de")) {
        add(captions, "en", image, json.text(line, "caption_tokenized"));
      }
    }
    List<BenchmarkExample> examples = new ArrayList<>();
    captions.forEach(
        (language, byImage) ->
            byImage.forEach(
                (image, texts) ->
                    examples.add(
                        new BenchmarkExample(
                            image + "_" + language,
                            List.of(picture(pictures, image, karpathy)),
                            "",
                            texts,
                            Map.of("language", TextNode.valueOf(language))))));
    return examples;
  }

  private static void add(
      Map<String, Map<String, List<String>>> captions, String language, String image, String text) {
    captions
        .computeIfAbsent(language, l -> new LinkedHashMap<>())
        .computeIfAbsent(image, i -> new ArrayList<>())
        .add(text);
  }

  private static String picture(Map<String, String> pictures, String image, Path file) {
    String name =
        image.matches("\\d{1,12}") ? pictures.get(Long.toString(Long.parseLong(image))) : null;
    if (name == null) {
      throw new BenchmarkFormatException(file + ": there is no image " + image);
    }
    return name;
  }
}
