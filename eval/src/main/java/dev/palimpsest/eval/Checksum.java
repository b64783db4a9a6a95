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
    // Names of pictures depend on where files are stored and are not part of the question.
    question.fields().entrySet().stream()
        .filter(e -> !e.getKey().equals("image"))
        .forEach(e -> text(e.getKey() + "=" + e.getValue()));
  }

  /** Adds a text and an end marker, so that adjacent texts cannot be confused. */
  private void text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    digest.update(bytes);
    digest.update((" " + bytes.length + "\n").getBytes(StandardCharsets.UTF_8));
  }

  /** The checksum in 64 hexadecimal digits; nothing can be added afterwards. */
  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }

  /** A checksum of one text in 16 hexadecimal digits. */
  static String of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  static String of(byte[] bytes) {
    return HexFormat.of().formatHex(ContentHash.sha256().digest(bytes)).substring(0, 16);
  }
}
