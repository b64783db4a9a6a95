package dev.palimpsest.cli.hostile;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Damage to a file's bytes, a function of the seed: what disks, interrupted copies and ill will do.
 * One to four of: bits flipped, a run overwritten, a length field made extreme, a decimal number
 * replaced, bytes cut out, doubled, inserted, the end lost.
 */
final class Mutation {
  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    Byte.MAX_VALUE,
    0xff,
    Short.MAX_VALUE,
    0xffff,
    Integer.MAX_VALUE,
    0xffff_ffffL,
    Integer.MIN_VALUE,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    1L << 40,
    100_000_000,
    1 << 30
  };
  private static final String[] NUMBERS = {
    "0",
    "-1",
    "1",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "1e308",
    "1e999",
    "-0",
    "0.5",
    "99999999999999999999999999",
    "null",
    "NaN"
  };
  private static final String[] SNIPPETS = {
    "\0",
    "\n",
    "\"",
    "{",
    "[",
    "]",
    "}",
    ":",
    ",",
    "../",
    "/etc/passwd",
    "&a ",
    "*a",
    "!!int ",
    "\uD83D",
    "\\u0000",
    "\\ud800",
    "<loc9999>",
    "%00",
    "'",
    "#",
    "- ",
    "\t",
    "${env:HOME}",
    "${run}"
  };

  private Mutation() {}

  static byte[] of(byte[] original, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bytes = original.clone();
    int times = 1 + random.nextInt(4);
    for (int i = 0; i < times; i++) {
      bytes = bytes.length == 0 ? insert(bytes, random) : once(bytes, random);
    }
    return bytes;
  }

  private static byte[] once(byte[] bytes, SplittableRandom random) {
    // Heads decide more than data: half of all damage goes to the first 256 bytes.
    int reach = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 256);
    int at = random.nextInt(reach);
    return switch (random.nextInt(9)) {
      case 0 -> flipped(bytes, at, random);
      case 1 -> overwritten(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(16)), random);
      case 2 -> extreme(bytes, at, random);
      case 3 -> number(bytes, random);
      case 4 -> without(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(64)));
      case 5 -> doubled(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(256)));
      case 6 -> insert(bytes, random);
      case 7 -> without(bytes, at, bytes.length);
      default -> overwritten(bytes, Math.max(0, bytes.length - 64), bytes.length, random);
    };
  }

  private static byte[] flipped(byte[] bytes, int at, SplittableRandom random) {
    bytes[at] ^= (byte) (1 << random.nextInt(8));
    return bytes;
  }

  private static byte[] overwritten(byte[] bytes, int from, int to, SplittableRandom random) {
    for (int i = from; i < to; i++) {
      bytes[i] = (byte) random.nextInt();
    }
    return bytes;
  }

  private static byte[] extreme(byte[] bytes, int at, SplittableRandom random) {
    long value = EXTREMES[random.nextInt(EXTREMES.length)];
    int width = 1 << random.nextInt(4);
    boolean bigEndian = random.nextBoolean();
    for (int i = 0; i < width && at + i < bytes.length; i++) {
      bytes[at + i] = (byte) (value >> (8 * (bigEndian ? width - 1 - i : i)));
    }
    return bytes;
  }

  /** Replaces one of the decimal numbers that stand in the file's head, where there is one. */
  private static byte[] number(byte[] bytes, SplittableRandom random) {
    List<int[]> numbers = new ArrayList<>();
    for (int i = 0; i < Math.min(bytes.length, 1 << 14); i++) {
      int start = i;
      while (i < bytes.length && bytes[i] >= '0' && bytes[i] <= '9') {
        i++;
      }
      if (i > start) {
        numbers.add(new int[] {start, i});
      }
    }
    if (numbers.isEmpty()) {
      return bytes;
    }
    int[] chosen = numbers.get(random.nextInt(numbers.size()));
    return splice(bytes, chosen[0], chosen[1], text(NUMBERS[random.nextInt(NUMBERS.length)]));
  }

  private static byte[] insert(byte[] bytes, SplittableRandom random) {
    int at = random.nextInt(bytes.length + 1);
    byte[] snippet = text(SNIPPETS[random.nextInt(SNIPPETS.length)]);
    int times = random.nextInt(8) == 0 ? 20_000 : 1 + random.nextInt(3); // deep nesting
    ByteArrayOutputStream repeated = new ByteArrayOutputStream();
    for (int i = 0; i < times; i++) {
      repeated.writeBytes(snippet);
    }
    return splice(bytes, at, at, repeated.toByteArray());
  }

  private static byte[] doubled(byte[] bytes, int from, int to) {
    return splice(bytes, to, to, java.util.Arrays.copyOfRange(bytes, from, to));
  }

  private static byte[] without(byte[] bytes, int from, int to) {
    return splice(bytes, from, to, new byte[0]);
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] between) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length + between.length);
    out.write(bytes, 0, from);
    out.writeBytes(between);
    out.write(bytes, to, bytes.length - to);
    return out.toByteArray();
  }

  private static byte[] text(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }
}
