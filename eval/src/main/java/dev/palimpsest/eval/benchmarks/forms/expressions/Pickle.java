package dev.palimpsest.eval.benchmarks.forms.expressions;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * Reads the data of a Python pickle: lists, tuples, dictionaries, texts, numbers, booleans, None.
 *
 * <p>A pickle is a program for a stack machine, and in Python it may import and call anything. This
 * reader knows only the instructions that build plain data (protocols 0 to 5) and refuses every
 * other: nothing in a file is ever executed.
 */
final class Pickle {
  /** Marks a position on the stack, as put there by a MARK instruction. */
  private static final Object MARK = new Object();

  /** Represents None. */
  static final Object NONE = new Object();

  /**
   * Instructions that import, call or build objects, or make values that no benchmark file
   * contains.
   */
  private static final String CODE =
      "cRbioQP\u0081\u0082\u0083\u0084\u008f\u0090\u0091\u0092\u0093\u0096\u0097\u0098";

  private final ByteBuffer in;
  private final String name;
  private final Deque<Object> stack = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private Pickle(byte[] bytes, String name) {
    this.in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    this.name = name;
  }

  /**
   * The object that a pickle represents: {@link List}, {@link Map}, {@link String}, {@link Long},
   * {@link Double}, {@link Boolean} or {@link #NONE}.
   *
   * @param name of the file, for messages
   * @throws BenchmarkFormatException when it ends early, or contains more than data
   */
  static Object read(byte[] bytes, String name) {
    return new Pickle(bytes, name).run();
  }

  private Object run() {
    try {
      while (true) {
        int at = in.position();
        int code = unsignedByte();
        if (code == '.') {
          return pop();
        }
        step(code, at);
      }
    } catch (BufferUnderflowException e) {
      throw new BenchmarkFormatException(name + ": the pickle ends early");
    } catch (NoSuchElementException e) {
      throw damaged("an instruction finds nothing on the stack");
    } catch (NumberFormatException | ArithmeticException e) {
      throw damaged("a number that is malformed or has more than 64 bits");
    } catch (IndexOutOfBoundsException e) {
      throw damaged("a text that ends inside an escape sequence");
    }
  }

  private void step(int code, int at) {
    switch (code) {
      case 0x80 -> unsignedByte(); // protocol
      case 0x95 -> in.getLong(); // frame
      case '(' -> stack.push(MARK);
      case '0' -> pop();
      case '1' -> popToMark();
      case '2' -> stack.push(stack.element());
      case 'N' -> stack.push(NONE);
      case 0x88 -> stack.push(true);
      case 0x89 -> stack.push(false);
      case 'I' -> stack.push(integer(line()));
      case 'L' -> stack.push(longOfDigits(line()));
      case 'F' -> stack.push(Double.parseDouble(line()));
      case 'K' -> stack.push((long) unsignedByte());
      case 'M' -> stack.push((long) Short.toUnsignedInt(in.getShort()));
      case 'J' -> stack.push((long) in.getInt());
      case 0x8a -> stack.push(longOf(bytes(unsignedByte())));
      case 0x8b -> stack.push(longOf(bytes(in.getInt())));
      case 'G' -> stack.push(in.order(ByteOrder.BIG_ENDIAN).getDouble());
      case 'S' -> stack.push(quoted(line()));
      case 'V' -> stack.push(unicodeEscapes(line()));
      case 'U', 'C', 0x8c -> stack.push(text(bytes(unsignedByte())));
      case 'T', 'B', 'X' -> stack.push(text(bytes(in.getInt())));
      case 0x8d, 0x8e -> stack.push(text(bytes(Math.toIntExact(in.getLong()))));
      case ']' -> stack.push(new ArrayList<>());
      case '}' -> stack.push(new LinkedHashMap<>());
      case ')' -> stack.push(new ArrayList<>());
      case 'l', 't' -> stack.push(popToMark());
      case 'd' -> stack.push(dictionary(popToMark()));
      case 0x85 -> stack.push(tuple(1));
      case 0x86 -> stack.push(tuple(2));
      case 0x87 -> stack.push(tuple(3));
      case 'a' -> {
        Object value = pop();
        topList().add(value);
      }
      case 'e' -> {
        List<Object> values = popToMark();
        topList().addAll(values);
      }
      case 's' -> {
        Map<Object, Object> pair = dictionary(tuple(2));
        topMap().putAll(pair);
      }
      case 'u' -> {
        Map<Object, Object> pairs = dictionary(popToMark());
        topMap().putAll(pairs);
      }
      case 'p' -> memo.put(Integer.parseInt(line()), stack.element());
      case 'q' -> memo.put(unsignedByte(), stack.element());
      case 'r' -> memo.put(in.getInt(), stack.element());
      case 0x94 -> memo.put(memo.size(), stack.element());
      case 'g' -> recall(Integer.parseInt(line()));
      case 'h' -> recall(unsignedByte());
      case 'j' -> recall(in.getInt());
      default ->
          throw new BenchmarkFormatException(
              CODE.indexOf(code) >= 0
                  ? "%s: byte %d is instruction 0x%02x, which does more than build plain data; refused"
                      .formatted(name, at, code)
                  : "%s: byte %d is 0x%02x, which is not an instruction; is this a pickle?"
                      .formatted(name, at, code));
    }
    in.order(ByteOrder.LITTLE_ENDIAN);
  }

  private Object pop() {
    return stack.pop();
  }

  private List<Object> popToMark() {
    List<Object> values = new ArrayList<>();
    for (Object value = pop(); value != MARK; value = pop()) {
      values.add(value);
    }
    Collections.reverse(values);
    return values;
  }

  private List<Object> tuple(int size) {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      values.add(pop());
    }
    Collections.reverse(values);
    return values;
  }

  /**
   * Checks that a key is a single value. Hashing a collection visits all of its members, and if
   * parts of it are the same object, these can be exponentially many or infinitely many.
   */
  private Map<Object, Object> dictionary(List<Object> flat) {
    Map<Object, Object> map = new LinkedHashMap<>();
    for (int i = 0; i + 1 < flat.size(); i += 2) {
      Object key = flat.get(i);
      if (!isSingle(key) && key != NONE) {
        throw damaged("a dictionary's key is a collection; expected a text or a number");
      }
      map.put(key, flat.get(i + 1));
    }
    return map;
  }

  /** Whether a value of a pickle is a text, a number or a boolean, which can be printed in full. */
  static boolean isSingle(Object value) {
    return value instanceof String || value instanceof Number || value instanceof Boolean;
  }

  @SuppressWarnings("unchecked") // lists here are only ever made by this class
  private List<Object> topList() {
    if (stack.element() instanceof List<?> list) {
      return (List<Object>) list;
    }
    throw damaged("something is appended to a value that is not a list");
  }

  @SuppressWarnings("unchecked")
  private Map<Object, Object> topMap() {
    if (stack.element() instanceof Map<?, ?> map) {
      return (Map<Object, Object>) map;
    }
    throw damaged("something is put into a value that is not a dictionary");
  }

  private BenchmarkFormatException damaged(String what) {
    return new BenchmarkFormatException(
        "%s: damaged pickle near byte %d: %s".formatted(name, in.position(), what));
  }

  private void recall(int key) {
    Object value = memo.get(key);
    if (value == null) {
      throw new BenchmarkFormatException(name + ": damaged pickle: nothing is stored as " + key);
    }
    stack.push(value);
  }

  private int unsignedByte() {
    return Byte.toUnsignedInt(in.get());
  }

  private byte[] bytes(int length) {
    if (length < 0 || length > in.remaining()) {
      throw new BenchmarkFormatException(name + ": the pickle ends early");
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private String line() {
    int start = in.position();
    while (in.get() != '\n') {
      // on to the end of the line
    }
    byte[] bytes = new byte[in.position() - 1 - start];
    in.get(start, bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** Protocol 0 writes booleans as 00 and 01. */
  private static Object integer(String digits) {
    return switch (digits) {
      case "00" -> false;
      case "01" -> true;
      default -> Long.parseLong(digits);
    };
  }

  private static long longOfDigits(String digits) {
    return Long.parseLong(digits.endsWith("L") ? digits.substring(0, digits.length() - 1) : digits);
  }

  /** Little-endian two's complement of any length. */
  private static long longOf(byte[] bytes) {
    byte[] reversed = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      reversed[i] = bytes[bytes.length - 1 - i];
    }
    return bytes.length == 0 ? 0 : new BigInteger(reversed).longValueExact();
  }

  /** Python 2 byte strings are UTF-8 in the known files; others are read as Latin-1. */
  private static String text(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }
  }

  /** {@code 'it\'s \xc3\xa9'} as Python 2 prints byte strings. */
  private static String quoted(String line) {
    String body = line.strip();
    if (body.length() < 2 || body.charAt(0) != body.charAt(body.length() - 1)) {
      throw new NumberFormatException("text without quotation marks: " + body);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 1; i < body.length() - 1; i++) {
      char c = body.charAt(i);
      if (c != '\\') {
        out.write(c);
        continue;
      }
      char escaped = body.charAt(++i);
      switch (escaped) {
        case 'n' -> out.write('\n');
        case 't' -> out.write('\t');
        case 'r' -> out.write('\r');
        case 'x' -> {
          out.write(Integer.parseInt(body.substring(i + 1, i + 3), 16));
          i += 2;
        }
        default -> out.write(escaped);
      }
    }
    return text(out.toByteArray());
  }

  /** Python's raw-unicode-escape: Latin-1 with {@code \\u} and {@code \\U}. */
  private static String unicodeEscapes(String line) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < line.length(); i++) {
      boolean escape = line.charAt(i) == '\\' && i + 1 < line.length();
      int digits = !escape ? 0 : line.charAt(i + 1) == 'u' ? 4 : line.charAt(i + 1) == 'U' ? 8 : 0;
      if (digits == 0 || i + 2 + digits > line.length()) {
        text.append(line.charAt(i));
      } else {
        text.append(Character.toString(codePoint(line.substring(i + 2, i + 2 + digits))));
        i += 1 + digits;
      }
    }
    return text.toString();
  }

  private static int codePoint(String hexadecimal) {
    int codePoint = Integer.parseInt(hexadecimal, 16);
    if (!Character.isValidCodePoint(codePoint)) {
      throw new NumberFormatException("no character: " + hexadecimal);
    }
    return codePoint;
  }
}
