package dev.palimpsest.mixtures.text;

import java.util.List;
import java.util.stream.IntStream;

/**
 * One entry of a tokenizer's vocabulary; its id is its place in the list.
 *
 * @param text its text; spaces are written as U+2581
 * @param score {@link Type#NORMAL} pieces are merged in descending order of score; 0 for the others
 * @param type its role in tokenising
 */
public record Piece(String text, float score, Type type) {
  /** Kinds of pieces, numbered as in SentencePiece's {@code sentencepiece_model.proto}. */
  public enum Type {
    /** Made by merging characters. */
    NORMAL(1),
    /** Represents text without a piece; never produced if bytes have pieces. */
    UNKNOWN(2),
    /** Never matched in text and decoded to nothing: padding, beginning and end of sequence. */
    CONTROL(3),
    /** Matched in text before anything else and never merged: locations, segments, newlines. */
    USER_DEFINED(4),
    /** Only reserves its id. */
    UNUSED(5),
    /** One byte of UTF-8, for characters without a piece: {@code <0x0A>}. */
    BYTE(6);

    private final int number;

    Type(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Type ofNumber(long number) {
      for (Type type : values()) {
        if (type.number == number) {
          return type;
        }
      }
      throw new IllegalArgumentException("piece type " + number + " is not one of 1 to 6");
    }
  }

  /** The text of the piece for a byte. */
  static String byteText(int value) {
    return String.format("<0x%02X>", value);
  }

  /** The 256 pieces that stand for a byte each. */
  public static List<Piece> bytes() {
    return IntStream.range(0, 256)
        .mapToObj(value -> new Piece(byteText(value), 0, Type.BYTE))
        .toList();
  }

  /** The four pieces that Gemma's vocabulary begins with; padding, end and beginning are fixed. */
  public static List<Piece> specials() {
    return List.of(
        new Piece("<pad>", 0, Type.CONTROL),
        new Piece("<eos>", 0, Type.CONTROL),
        new Piece("<bos>", 0, Type.CONTROL),
        new Piece("<unk>", 0, Type.UNKNOWN));
  }
}
