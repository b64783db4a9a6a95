package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.evaluation.DecodeConfig;
import dev.palimpsest.mixtures.text.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Beam search as in big_vision (trainers/proj/paligemma/predict_fns.py, _beam_decode). At each step
 * every live answer may end: the best finished one by summed log-probability is remembered. The
 * {@code size} best continuations without EOS stay live. The search stops when the best finished
 * answer is more likely than every live one, or at the token limit; the best finished one is then
 * the answer. If EOS is banned, it is the best live one.
 */
final class Beams implements Hypotheses {
  private final int size;
  private final int limit;
  private final Ban ban;
  private final NDManager parent;
  private final List<Beam> beams = new ArrayList<>();

  Beams(int prompts, int size, DecodeConfig settings, Ban ban, NDManager parent) {
    this.size = size;
    this.limit = settings.maxNewTokens();
    this.ban = ban;
    this.parent = parent;
    for (int i = 0; i < prompts; i++) {
      beams.add(new Beam());
    }
  }

  @Override
  public void extend(NDArray logits) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray all = logits.logSoftmax(1);
      all.attach(manager);
      NDArray eos = all.get(":, " + Tokenizer.EOS);
      eos.attach(manager);
      // For each row, one more than can stay live, to see how close the choice was, and possibly
      // EOS.
      int most = (int) Math.min(size + 2L, all.getShape().get(1));
      NDList top = ban.apply(manager, all).topK(most, 1, true, true);
      top.attach(manager);
      float[] logProbabilities = top.get(0).toFloatArray();
      long[] tokens = top.get(1).toLongArray();
      float[] ends = eos.toFloatArray();
      int row = 0;
      for (Beam beam : beams) {
        if (!beam.ended) {

          List<Live> after = new ArrayList<>();
          for (Live live : beam.live) {
            if (!ban.contains(Tokenizer.EOS)) {
              beam.finish(new Live(live, Tokenizer.EOS, ends[row], row));
            }
            for (int i = row * most; i < (row + 1) * most; i++) {
              if (tokens[i] != Tokenizer.EOS && !Float.isInfinite(logProbabilities[i])) {
                after.add(new Live(live, (int) tokens[i], logProbabilities[i], row));
              }
            }
            row++;
          }
          beam.advance(after, size, limit);
        }
      }
    }
  }

  @Override
  public boolean haveEnded() {
    return beams.stream().allMatch(beam -> beam.ended);
  }

  @Override
  public long[] parents() {
    return growing().stream().mapToLong(live -> live.row).toArray();
  }

  @Override
  public long[] tokens() {
    return growing().stream().mapToLong(live -> live.token).toArray();
  }

  private List<Live> growing() {
    return beams.stream().filter(b -> !b.ended).flatMap(b -> b.live.stream()).toList();
  }

  @Override
  public Decoded answer(int prompt) {
    return beams.get(prompt).answer().decoded();
  }

  @Override
  public boolean isSettled(int prompt) {
    return beams.get(prompt).settled;
  }

  /** One prompt's search. */
  private static final class Beam {
    private List<Live> live = List.of(Live.EMPTY);
    private @Nullable Live best; // finished
    private double second = Double.NEGATIVE_INFINITY; // the best sum of another finished answer
    private boolean ended;
    private boolean settled = true;

    void finish(Live finished) {
      if (best == null || finished.sum > best.sum) {
        second = best == null ? second : best.sum;
        best = finished;
      } else {
        second = Math.max(second, finished.sum);
      }
    }

    void advance(List<Live> candidates, int size, int limit) {
      List<Live> sorted =
          candidates.stream()
              .sorted(Comparator.comparingDouble((Live live) -> live.sum).reversed())
              .toList();
      live = sorted.subList(0, Math.min(size, sorted.size()));
      if (sorted.size() > size) {
        settled &= sorted.get(size - 1).sum - sorted.get(size).sum > Decoder.CLOSE;
      }
      double ahead = // of the best finished answer over the best live one
          best == null || live.isEmpty() ? Double.NEGATIVE_INFINITY : best.sum - live.get(0).sum;
      boolean atLimit = live.isEmpty() || live.get(0).length == limit;
      ended = ahead > 0 || atLimit;
      settled &= atLimit || Math.abs(ahead) > Decoder.CLOSE;
      if (ended && best != null) {
        settled &= best.sum - second > Decoder.CLOSE;
      } else if (ended && live.size() > 1) {
        settled &= live.get(0).sum - live.get(1).sum > Decoder.CLOSE;
      }
    }

    Live answer() {
      return best != null ? best : live.get(0);
    }
  }

  /** A partial answer: another one and one more token. */
  private static final class Live {
    static final Live EMPTY = new Live();

    private final @Nullable Live head;
    private final int token;
    private final float logProbability;
    private final int row; // of the cache, owned by the answer that it extends
    private final int length;
    private final double sum;

    private Live() {
      this.head = null;
      this.token = Tokenizer.PAD;
      this.logProbability = 0;
      this.row = 0;
      this.length = 0;
      this.sum = 0;
    }

    Live(Live head, int token, float logProbability, int row) {
      this.head = head;
      this.token = token;
      this.logProbability = logProbability;
      this.row = row;
      this.length = head.length + 1;
      this.sum = head.sum + logProbability;
    }

    Decoded decoded() {
      int[] tokens = new int[length];
      float[] logProbabilities = new float[length];
      Live at = this;
      for (int i = length - 1; i >= 0 && at != null; i--) {
        tokens[i] = at.token;
        logProbabilities[i] = at.logProbability;
        at = at.head;
      }
      return new Decoded(tokens, logProbabilities);
    }
  }
}
