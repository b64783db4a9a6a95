package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.checks.Numbers;
import dev.palimpsest.files.Json;
import dev.palimpsest.mixtures.ExampleBatch;
import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A batch as the model sees it.
 *
 * @param recipe its name
 * @param stage its name
 * @param resolution of the pictures, in pixels
 * @param imageTokens of one picture
 * @param encoding how they are made, where it is not PaliGemma's way
 * @param textTokens text positions
 * @param checkpoints whose losses are shown
 * @param examples of the batch
 */
public record Inspection(
    String recipe,
    String stage,
    int resolution,
    int imageTokens,
    List<String> encoding,
    int textTokens,
    List<String> checkpoints,
    List<InspectedExample> examples) {
  /**
   * How a model makes image tokens and counts their positions, where that is not PaliGemma's way.
   */
  public static List<String> encoding(ModelConfig model, int resolution) {
    List<String> encoding = new ArrayList<>();
    if (model.vision().windows(resolution) > 1) {
      encoding.add(
          "%d windows of %dpx a picture"
              .formatted(
                  model.vision().windows(resolution), model.vision().encodedSide(resolution)));
    }
    if (model.language().imageRopeFactor() > 1) {
      encoding.add(
          "rotary positions of image tokens divided by "
              + Numbers.write(model.language().imageRopeFactor()));
    }
    return encoding;
  }

  /** What a token is. */
  public enum Role {
    BOS,
    PREFIX,
    SEPARATOR,
    SUFFIX,
    EOS,
    PADDING;

    /** In words. */
    String word() {
      return switch (this) {
        case BOS -> "BOS";
        case EOS -> "EOS";
        default -> name().toLowerCase(Locale.ROOT);
      };
    }
  }

  /**
   * A text token.
   *
   * @param index text position; the last one is predicted and never seen
   * @param id in the vocabulary
   * @param text that it stands for
   * @param role what it is
   * @param supervised whether predicting it counts in the loss
   * @param losses of predicting it, in nats, one for each checkpoint; NaN where nothing predicts it
   */
  public record Token(
      int index, int id, String text, Role role, boolean supervised, List<Float> losses) {}

  /**
   * An example.
   *
   * @param position in the stage's order
   * @param id with its task
   * @param pictures after preprocessing and augmentation, as the network gets them
   * @param tokens text, padding included
   * @param visible whether the token of a row attends to that of a column, image tokens first
   */
  public record InspectedExample(
      long position, String id, List<Image> pictures, List<Token> tokens, boolean[][] visible) {
    /** The text of tokens with a role. */
    String text(Tokenizer tokenizer, Role... roles) {
      List<Role> wanted = List.of(roles);
      return tokenizer.decode(
          tokens.stream()
              .filter(token -> wanted.contains(token.role))
              .mapToInt(Token::id)
              .toArray());
    }

    /** Number of tokens with a role. */
    int count(Role... roles) {
      List<Role> wanted = List.of(roles);
      return (int) tokens.stream().filter(token -> wanted.contains(token.role)).count();
    }

    /** Mean loss over the supervised tokens, as in training. */
    double loss(int checkpoint) {
      return tokens.stream()
          .filter(Token::supervised)
          .mapToDouble(token -> token.losses.get(checkpoint))
          .average()
          .orElse(Double.NaN);
    }
  }

  /**
   * The batch for programs. What tokens see is written as ranges of columns, the first one included
   * and the last one not, once for all following rows that see the same.
   */
  public String json() {
    ObjectNode root =
        Json.STRICT
            .createObjectNode()
            .put("recipe", recipe)
            .put("stage", stage)
            .put("resolution", resolution)
            .put("imageTokens", imageTokens)
            .put("textTokens", textTokens);
    encoding.forEach(root.putArray("encoding")::add);
    checkpoints.forEach(root.putArray("checkpoints")::add);
    ArrayNode all = root.putArray("examples");
    for (InspectedExample seen : examples) {
      ObjectNode node =
          all.addObject()
              .put("position", seen.position)
              .put("id", seen.id)
              .put("pictures", seen.pictures.size());
      ArrayNode means = node.putArray("losses");
      for (int c = 0; c < checkpoints.size(); c++) {
        means.add(Json.number(seen.loss(c)));
      }
      ArrayNode tokens = node.putArray("tokens");
      for (Token token : seen.tokens) {
        ArrayNode losses =
            tokens
                .addObject()
                .put("index", token.index)
                .put("id", token.id)
                .put("text", token.text)
                .put("role", token.role.name().toLowerCase(Locale.ROOT))
                .put("supervised", token.supervised)
                .putArray("losses");
        token.losses.forEach(loss -> losses.add(Json.number(loss)));
      }
      mask(seen.visible, node.putArray("mask"));
    }
    return Json.indented(root);
  }

  private static void mask(boolean[][] visible, ArrayNode rows) {
    for (int row = 0; row < visible.length; row++) {
      if (row > 0 && Arrays.equals(visible[row], visible[row - 1])) {
        ((ObjectNode) rows.get(rows.size() - 1)).put("to", row + 1);
        continue;
      }
      ArrayNode ranges = rows.addObject().put("from", row).put("to", row + 1).putArray("sees");
      boolean[] columns = visible[row];
      for (int from = 0; from < columns.length; from++) {
        if (columns[from]) {
          int to = from;
          while (to < columns.length && columns[to]) {
            to++;
          }
          ranges.addArray().add(from).add(to);
          from = to;
        }
      }
    }
  }

  /**
   * Reads an example of a batch.
   *
   * @param row of the batch
   * @param losses of the targets by checkpoint, each [T]
   * @param visible as in {@link InspectedExample}
   */
  public static InspectedExample example(
      ExampleBatch batch, int row, Tokenizer tokenizer, List<float[]> losses, boolean[][] visible) {
    return new InspectedExample(
        batch.positions().get(row),
        batch.ids().get(row),
        pictures(batch, row),
        tokens(batch, row, tokenizer, losses),
        visible);
  }

  private static List<Token> tokens(
      ExampleBatch batch, int row, Tokenizer tokenizer, List<float[]> losses) {
    int columns = batch.textColumns();
    int[] ids = row(batch.text().asIntBuffer(), row, columns);
    int[] causal = row(batch.maskAr().asIntBuffer(), row, columns);
    int[] supervised = row(batch.maskLoss().asIntBuffer(), row, columns);
    int[] real = row(batch.maskInput().asIntBuffer(), row, columns);
    int prompt = (int) IntStream.range(0, columns).takeWhile(i -> causal[i] == 0).count();
    List<Token> tokens = new ArrayList<>();
    for (int i = 0; i < columns; i++) {
      Role role =
          real[i] == 0
              ? Role.PADDING
              : causal[i] == 0
                  ? i == 0 ? Role.BOS : i == prompt - 1 ? Role.SEPARATOR : Role.PREFIX
                  : ids[i] == Tokenizer.EOS ? Role.EOS : Role.SUFFIX;
      int target = i - 1;
      tokens.add(
          new Token(
              i,
              ids[i],
              text(tokenizer, ids[i], role),
              role,
              supervised[i] == 1,
              losses.stream().map(all -> target < 0 ? Float.NaN : all[target]).toList()));
    }
    return tokens;
  }

  private static String text(Tokenizer tokenizer, int id, Role role) {
    return switch (role) {
      case BOS -> "<bos>";
      case EOS -> "<eos>";
      case PADDING -> "<pad>";
      default -> tokenizer.decode(new int[] {id});
    };
  }

  private static int[] row(IntBuffer column, int row, int columns) {
    int[] values = new int[columns];
    column.get(row * columns, values);
    return values;
  }

  /** The network's input in [-1, 1], as levels. */
  private static List<Image> pictures(ExampleBatch batch, int row) {
    int side = batch.resolution();
    int size = 3 * side * side;
    int first = Arrays.stream(batch.pictures(), 0, row).sum();
    FloatBuffer floats = batch.images().asFloatBuffer();
    List<Image> pictures = new ArrayList<>();
    for (int i = 0; i < batch.pictures()[row]; i++) {
      byte[] rgb = new byte[size];
      for (int p = 0; p < size; p++) {
        float level = (floats.get((first + i) * size + p) + 1) * 127.5f;
        rgb[p] = (byte) Math.round(Math.max(0, Math.min(255, level)));
      }
      pictures.add(new Image(side, side, rgb));
    }
    return pictures;
  }
}
