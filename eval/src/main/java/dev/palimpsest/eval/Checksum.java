package dev.palimpsest.eval;

import dev.palimpsest.eval.benchmarks.Question;
import dev.palimpsest.files.ContentHash;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/** SHA-256 over the examples of a split, one after the other. */
final class Checksum {
  private final MessageDigest digest = ContentHash.sha256();

  void add(Question question, String pictures) {
    text(question.example().id());
    text(question.example().prefix());
    text(pictures);
    question.example().references().forEach(this::text);
    // Names of pictures are where files lie, and no part of what is asked.
    question.fields().entrySet().stream()
        .filter(e -> !e.getKey().equals("image"))
        .forEach(e -> text(e.getKey() + "=" + e.getValue()));
  }

  /** A text with its end, so that two texts never run together. */
  private void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    digest.update(bytes);
    digest.update((" " + bytes.length + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** 64 hexadecimal digits; ends the sum. */
  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }

  /** 16 hexadecimal digits for one text. */
  static String of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  static String of(byte[] bytes) {
    return HexFormat.of().formatHex(ContentHash.sha256().digest(bytes)).substring(0, 16);
  }
}
