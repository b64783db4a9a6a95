package dev.palimpsest.configs.binding;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Paths into a recipe: {@code stages[1].optimizer.learningRate}. Brackets also take names, for
 * names that contain dots: {@code tasks[caption.v2]}.
 */
final class Paths {
  private static final Pattern SEGMENT = Pattern.compile("\\.?([^.\\[\\]=]++)|\\[([^\\]]++)\\]");

  private Paths() {}

  static String key(String parent, String name) {
    if (name.contains(".") || name.contains("[")) {
      return parent + "[" + name + "]";
    }
    return parent.isEmpty() ? name : parent + "." + name;
  }

  static String index(String parent, int index) {
    return parent + "[" + index + "]";
  }

  /** The path in parts, outermost first; empty when it is not a path. */
  static Optional<List<String>> split(String path) {
    List<String> segments = new ArrayList<>();
    Matcher matcher = SEGMENT.matcher(path);
    int end = 0;
    while (matcher.region(end, path.length()).lookingAt()) {
      if (matcher.group(1) != null && (end == 0) == path.startsWith(".", end)) {
        return Optional.empty();
      }
      segments.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
      end = matcher.end();
    }
    return segments.isEmpty() || end != path.length() ? Optional.empty() : Optional.of(segments);
  }

  /** The path one level up; the whole recipe's is empty. */
  static String parent(String path) {
    int cut = path.lastIndexOf(path.endsWith("]") ? '[' : '.');
    return cut < 0 ? "" : path.substring(0, cut);
  }
}
