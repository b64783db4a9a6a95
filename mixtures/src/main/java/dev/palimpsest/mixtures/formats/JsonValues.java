package dev.palimpsest.mixtures.formats;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BigIntegerNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;

/** Values of JSON from other programs, where an id may have become {@code 2.0} in pandas. */
public final class JsonValues {
  private static final int ABRIDGED = 80;

  private JsonValues() {}

  /** An id as text: 2, 2.0 and 2e0 are the same. */
  public static String id(JsonNode id) {
    return id.isFloatingPointNumber() ? whole(id.asText()) : id.asText();
  }

  /** A node that is an id, as a whole number if it represents one. */
  public static JsonNode wholeId(JsonNode id) {
    String text = id(id);
    return id.isFloatingPointNumber() && text.matches("-?\\d+")
        ? BigIntegerNode.valueOf(new BigInteger(text))
        : id;
  }

  /** The text of a parser's current scalar; whole numbers as in {@link #id(JsonNode)}. */
  static String scalar(JsonParser parser) throws IOException {
    return parser.currentToken() == JsonToken.VALUE_NUMBER_FLOAT
        ? whole(parser.getText())
        : parser.getText();
  }

  private static String whole(String number) {
    try {
      BigDecimal value = new BigDecimal(number).stripTrailingZeros();
      boolean whole = value.scale() <= 0 && (long) value.precision() - value.scale() <= 19;
      return whole ? value.toBigInteger().toString() : number;
    } catch (NumberFormatException e) {
      return number; // NaN
    }
  }

  /** A value for a message: its beginning if it is long. */
  public static String abridged(JsonNode node) {
    String text = node.toString();
    return text.length() <= ABRIDGED ? text : text.substring(0, ABRIDGED) + "...";
  }
}
