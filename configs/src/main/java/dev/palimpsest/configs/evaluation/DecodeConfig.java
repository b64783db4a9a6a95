package dev.palimpsest.configs.evaluation;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.List;

/**
 * How answers are decoded.
 *
 * @param sampler how the next token is chosen
 * @param maxNewTokens the most tokens in an answer, including EOS
 * @param bestOf number of samples drawn for each answer; the one with the highest total
 *     log-probability, up to and including EOS, is kept
 * @param bannedTokens token ids that are never chosen. Log-probabilities remain those of the model
 *     without the ban
 * @param seed seed for temperature and nucleus sampling; the draws for an example depend only on
 *     this seed, the example's id and the number of the sample
 */
public record DecodeConfig(
    @Default("{greedy: {}}") SamplerConfig sampler,
    @Default("32") int maxNewTokens,
    @Default("1") int bestOf,
    @Default("[]") List<Integer> bannedTokens,
    @Default("0") long seed) {
  /** Copies, checks ranges. */
  public DecodeConfig {
    bannedTokens = List.copyOf(bannedTokens);
    new Check()
        .range("maxNewTokens", maxNewTokens, 1, Check.MOST_TOKENS, "tokens")
        .range("bestOf", bestOf, 1, 10_000, "samples")
        .that(
            bestOf <= 1 || sampler.isRandom(),
            "bestOf",
            "must be 1 unless the sampler is temperature or nucleus: all samples would be equal;"
                + " got %d",
            bestOf)
        .that(
            bannedTokens.stream().allMatch(id -> id >= 0),
            "bannedTokens",
            "must be ids of tokens, 0 or more, got %s",
            bannedTokens)
        .done();
  }

  /** Greedy decoding. */
  public static DecodeConfig greedy(int maxNewTokens) {
    return new DecodeConfig(new SamplerConfig.Greedy(), maxNewTokens, 1, List.of(), 0);
  }
}
