package dev.palimpsest.mixtures.sources;

import dev.palimpsest.configs.data.FewConfig;
import dev.palimpsest.mixtures.order.Permutation;
import java.util.Arrays;
import java.util.stream.LongStream;

/** A few rows of another source, drawn without replacement, in the order of that source. */
public final class FewRows implements ExampleSource {
  private final ExampleSource source;

  /** Ascending. */
  private final long[] chosen;

  private FewRows(ExampleSource source, FewConfig few) {
    this.source = source;
    this.chosen =
        LongStream.range(0, few.rows())
            .map(i -> Permutation.at(i, source.size(), few.seed()))
            .sorted()
            .toArray();
  }

  /** The source's few rows, or the source itself if it has no more; closing them closes it. */
  public static ExampleSource of(ExampleSource source, FewConfig few) {
    return source.size() <= few.rows() ? source : new FewRows(source, few);
  }

  @Override
  public long size() {
    return chosen.length;
  }

  @Override
  public Row row(long index) {
    return source.row(chosen[Math.toIntExact(index)]);
  }

  @Override
  public long original(long index) {
    return source.original(chosen[Math.toIntExact(index)]);
  }

  @Override
  public String fingerprint() {
    Digest digest = new Digest().add("few 1", source.fingerprint());
    Arrays.stream(chosen).forEach(digest::add);
    return digest.hex();
  }

  @Override
  public void close() {
    source.close();
  }
}
