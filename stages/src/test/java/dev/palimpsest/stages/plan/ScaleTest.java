package dev.palimpsest.stages.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.binding.Presets;
import dev.palimpsest.stages.plan.Scale.Layout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScaleTest {
  private static final String BEGIN = "<!-- ScaleTest writes from here -->\n";
  private static final String END = "<!-- to here -->\n";
  private static final Path DOCUMENT = Path.of("..", "docs", "scale.md");

  private static ModelConfig model(String language) {
    return new ModelConfig(Presets.vision("siglip-so400m/14"), Presets.language(language));
  }

  /** Examples of a step as in configs/recipes/paligemma-3b.yaml, and what a GPU takes at a time. */
  private static List<String> table() {
    List<String> lines = new ArrayList<>();
    StringBuilder head = new StringBuilder("| model | pixels | GPUs | micro batches |");
    for (Layout layout : Layout.values()) {
      head.append(' ').append(layout).append(" |");
    }
    lines.add(head + " choose, waiting |");
    lines.add("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for (String[] model :
        new String[][] {{"3B", "gemma-2b"}, {"10B", "gemma2-9b"}, {"28B", "gemma2-27b"}}) {
      for (int[] size : new int[][] {{224, 8, 2560}, {448, 4, 640}, {896, 1, 128}}) {
        for (int gpus : new int[] {8, 16, 64, 256, 1024}) {
          int each = Math.max(1, Math.round(size[2] / (float) gpus));
          int micro = Math.min(size[1], each);
          while (each % micro > 0) {
            micro--;
          }
          lines.add(new Scale(model(model[1]), size[0], gpus, micro, each * gpus).line(model[0]));
        }
      }
    }
    return lines;
  }

  @Test
  void theDocumentsTableIsThisOne() throws IOException {
    String text = Files.readString(DOCUMENT);
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    int end = text.indexOf(END);
    assertTrue(begin >= BEGIN.length() && end >= begin, "markers in " + DOCUMENT);
    String table = String.join("\n", table()) + "\n";
    if (Boolean.getBoolean("palimpsest.write")) {
      Files.writeString(DOCUMENT, text.substring(0, begin) + table + text.substring(end));
      return;
    }
    assertEquals(table, text.substring(begin, end), "write it with -Dpalimpsest.write=true");
  }

  @Test
  void replicasSendTwiceTheGradientsAndZero3ThreeTimesTheParametersOfEachMicroBatch() {
    Scale scale = new Scale(model("gemma-2b"), 224, 8, 8, 128); // two micro batches
    double bytes = 4.0 * new ModelCost(scale.model(), 224, Precision.BF16).parameterCount();
    assertEquals(2 * bytes * 7 / 8, scale.needs(Layout.REPLICATED).sent(), 1);
    assertEquals(2 * bytes * 7 / 8, scale.needs(Layout.ZERO2).sent(), 1);
    assertEquals(6 * bytes * 7 / 8, scale.needs(Layout.ZERO3).sent(), 1);
  }

  @Test
  void aNodeOfItsOwnSendsAnEighthOverTheNetwork() {
    Scale scale = new Scale(model("gemma-2b"), 224, 64, 8, 512); // one micro batch
    double bytes = 4.0 * new ModelCost(scale.model(), 224, Precision.BF16).parameterCount();
    assertEquals(3 * bytes * 7 / 8 + 2 * bytes / 8 * 7 / 8, scale.needs(Layout.HYBRID).sent(), 1);
  }

  @Test
  void shardingDividesTheState() {
    Scale scale = new Scale(model("gemma-2b"), 224, 64, 8, 2560);
    long parameters = new ModelCost(scale.model(), 224, Precision.BF16).parameterCount();
    long replicated = scale.needs(Layout.REPLICATED).memory();
    assertEquals(
        8.0 * parameters * 63 / 64, (double) (replicated - scale.needs(Layout.ZERO1).memory()), 64);
    assertEquals(
        12.0 * parameters * 63 / 64,
        (double) (replicated - scale.needs(Layout.ZERO2).memory()),
        64);
    assertTrue(scale.needs(Layout.ZERO3).memory() < scale.needs(Layout.HYBRID).memory());
    // 28 billion parameters with gradients and moments are 450 GB: no GPU holds them alone.
    assertFalse(new Scale(model("gemma2-27b"), 224, 1024, 2, 2560).needs(Layout.REPLICATED).fits());
  }
}
