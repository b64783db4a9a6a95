package dev.palimpsest.cli.machine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.palimpsest.configs.binding.Fingerprint;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.files.Json;
import dev.palimpsest.model.ranks.Collectives;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * That all ranks were started in the same way. Ranks that train by different recipes would not
 * notice: each would compute gradients of something else, or all would wait for one another until
 * the time limit.
 */
final class SameStart {
  /** So many are named; the others are like them. */
  private static final int MOST_NAMED = 8;

  private static final int MOST_VALUES = 4;

  private SameStart() {}

  /**
   * Compares what ranks were started with; every rank calls this.
   *
   * @param start the values that matter, by name
   * @throws InvalidConfigException on every rank, with what others have in the place of the first
   *     one's values
   */
  static void require(Collectives ranks, Map<String, String> start) {
    byte[] own = bytes(Fingerprint.of(start));
    if (ranks.gather(own).stream().map(SameStart::text).distinct().count() == 1) {
      return;
    }
    Map<String, String> first = values(text(ranks.broadcast(bytes(json(start)), 0)));
    List<byte[]> differences = ranks.gather(bytes(differences(first, start)));
    List<Problem> problems = new ArrayList<>();
    for (int rank = 1; rank < differences.size() && problems.size() < MOST_NAMED; rank++) {
      String differing = text(differences.get(rank));
      if (!differing.isEmpty()) {
        problems.add(
            new Problem(
                "rank " + rank,
                "was not started as rank 0: %s; start all ranks with the same program, recipe and options"
                    .formatted(differing)));
      }
    }
    throw new InvalidConfigException(problems);
  }

  private static String differences(Map<String, String> first, Map<String, String> own) {
    List<Fingerprint.Change> changes = Fingerprint.diff(first, own);
    String named =
        changes.stream()
            .limit(MOST_VALUES)
            .map(
                change ->
                    "%s is %s, not %s"
                        .formatted(change.path(), word(change.after()), word(change.before())))
            .collect(Collectors.joining(", "));
    return changes.size() <= MOST_VALUES
        ? named
        : "%s, and %d others".formatted(named, changes.size() - MOST_VALUES);
  }

  private static String word(@Nullable String value) {
    return value == null ? "absent" : Problem.brief(value);
  }

  private static String json(Map<String, String> values) {
    try {
      return Json.STRICT.writeValueAsString(new LinkedHashMap<>(values));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, String> values(String json) {
    try {
      return Json.STRICT.readValue(json, new TypeReference<>() {});
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
