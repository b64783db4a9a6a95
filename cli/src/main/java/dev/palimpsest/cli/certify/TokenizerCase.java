package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.mixtures.text.Tokenizer;
import dev.palimpsest.model.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Texts to ids and back, with each vocabulary file in the folder. */
final class TokenizerCase implements CaseKind {
  private static final String CASES = "cases.json";

  @Override
  public String description() {
    return "tokenizer (" + CASES + ", *.model or tokenizer.json)";
  }

  @Override
  public boolean recognises(Path folder) {
    return Files.isRegularFile(folder.resolve(CASES)) && !vocabularies(folder).isEmpty();
  }

  private static List<Path> vocabularies(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(
              file ->
                  file.toString().endsWith(".model") || file.endsWith(Path.of("tokenizer.json")))
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  @Override
  public void certify(Path folder, NDManager manager, Kernels kernels, Report report)
      throws IOException {
    JsonNode cases = Reference.json(folder.resolve(CASES));
    for (Path file : vocabularies(folder)) {
      String name = String.valueOf(file.getFileName());
      report.part(name, () -> certify(name, Tokenizer.load(file), cases, report));
    }
  }

  private static void certify(String name, Tokenizer tokenizer, JsonNode cases, Report report) {
    double encoded = 0;
    double decoded = 0;
    String first = "";
    for (JsonNode example : cases.required("cases")) {
      String text = example.required("text").asText();
      double[] ids = Values.of(example.required("ids"));
      if (!Arrays.equals(ids, Values.of(tokenizer.encode(text)))) {
        encoded++;
        first = first.isEmpty() ? ": '" + text.strip() + "'" : first;
      }
      int[] given = Arrays.stream(ids).mapToInt(id -> (int) id).toArray();
      decoded += tokenizer.decode(given).equals(example.required("decoded").asText()) ? 0 : 1;
    }
    String count = cases.required("cases").size() + " texts";
    report.check(name + ": text -> ids", encoded, Tolerance.EXACT, count + first);
    report.check(name + ": ids -> text", decoded, Tolerance.EXACT, count);
    report.check(
        name + ": rows",
        Math.abs(tokenizer.vocabularySize() - cases.required("vocab_size").asInt()),
        Tolerance.EXACT);
  }
}
