package dev.palimpsest.mixtures.duplicates;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds texts by shared runs of words. A text is found in another if enough of its distinct runs of
 * n words occur there (PaLM, arXiv 2204.02311, section 8: 70 % of 8-grams).
 *
 * <p>Texts are normalised first: compatibility characters and case are folded, and everything
 * between words is dropped, including location and segmentation tokens. Words are runs of letters,
 * marks and digits; in scripts that are written without spaces, each character is a word.
 */
final class TextIndex {
  private static final Pattern CODES = Pattern.compile("<(?:loc\\d{4}|seg\\d{3})>");
  private static final Pattern WORD =
      Pattern.compile(
          "[\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}\\p{IsLao}\\p{IsKhmer}\\p{IsMyanmar}]"
              + "|[\\p{L}\\p{M}\\p{N}&&[^\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}\\p{IsLao}\\p{IsKhmer}\\p{IsMyanmar}]]+");

  private final int words;
  private final double overlap;

  /** Number of runs in the i-th text; 0 if it is too short to have one. */
  private int[] runs = new int[64];

  private int texts;

  // A table of chains: slot -> entry -> next entry.
  private long[] keys = new long[256];
  private int[] owners = new int[256];
  private int[] nexts = new int[256];
  private int entries;
  private int[] slots = new int[512];

  /**
   * An empty index.
   *
   * @param words length of a run, n
   * @param overlap the smallest share of a text's runs that must occur in another, (0, 1]
   */
  TextIndex(int words, double overlap) {
    this.words = words;
    this.overlap = overlap;
    Arrays.fill(slots, -1);
  }

  /**
   * Adds a text under the next number, starting at 0.
   *
   * @return whether it is long enough to be found
   */
  boolean add(String text) {
    Set<Long> grams = grams(text);
    if (texts == runs.length) {
      runs = Arrays.copyOf(runs, 2 * texts);
    }
    runs[texts] = grams.size();
    for (long gram : grams) {
      if (entries == keys.length) {
        grow();
      }
      int slot = slot(gram);
      keys[entries] = gram;
      owners[entries] = texts;
      nexts[entries] = slots[slot];
      slots[slot] = entries++;
    }
    texts++;
    return !grams.isEmpty();
  }

  private void grow() {
    keys = Arrays.copyOf(keys, 2 * entries);
    owners = Arrays.copyOf(owners, 2 * entries);
    nexts = Arrays.copyOf(nexts, 2 * entries);
    slots = new int[2 * slots.length];
    Arrays.fill(slots, -1);
    for (int entry = 0; entry < entries; entry++) {
      int slot = slot(keys[entry]);
      nexts[entry] = slots[slot];
      slots[slot] = entry;
    }
  }

  private int slot(long gram) {
    return (int) (mix(gram) & (slots.length - 1));
  }

  /**
   * Numbers of the added texts that are found in a text, with the share of their runs that occur in
   * it.
   */
  Map<Integer, Double> in(String text) {
    Map<Integer, Integer> shared = new HashMap<>();
    for (long gram : grams(text)) {
      for (int entry = slots[slot(gram)]; entry >= 0; entry = nexts[entry]) {
        if (keys[entry] == gram) {
          shared.merge(owners[entry], 1, Integer::sum);
        }
      }
    }
    Map<Integer, Double> found = new TreeMap<>();
    shared.forEach(
        (owner, count) -> {
          double share = (double) count / runs[owner];
          if (share >= overlap) {
            found.put(owner, share);
          }
        });
    return found;
  }

  private Set<Long> grams(String text) {
    List<String> all = words(text);
    Set<Long> grams = new java.util.LinkedHashSet<>();
    for (int first = 0; first + words <= all.size(); first++) {
      long hash = 0;
      for (String word : all.subList(first, first + words)) {
        for (int i = 0; i < word.length(); i++) {
          hash = mix(hash + word.charAt(i) + 1);
        }
        hash = mix(hash ^ 0x5bf0_3635L);
      }
      grams.add(hash);
    }
    return grams;
  }

  /** The words of a text, normalised. */
  static List<String> words(String text) {
    String plain =
        Normalizer.normalize(CODES.matcher(text).replaceAll(" "), Normalizer.Form.NFKC)
            .toLowerCase(Locale.ROOT);
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(plain);
    while (matcher.find()) {
      words.add(matcher.group());
    }
    return words;
  }

  /** SplitMix64's finaliser (Steele, Lea and Flood 2014). */
  private static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }
}
