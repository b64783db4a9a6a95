package dev.palimpsest.mixtures.text;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code tokenizer.model}: SentencePiece's protobuf (google/sentencepiece,
 * src/sentencepiece_model.proto). Of {@code ModelProto} the fields pieces (1), trainer_spec (2) and
 * normalizer_spec (3) are read, as far as they affect how text is tokenised.
 */
final class SentencePieceFile {
  private static final String[] MODEL_TYPES = {"none", "UNIGRAM", "BPE", "WORD", "CHAR"};
  private static final int BPE = 2;

  private SentencePieceFile() {}

  /** Wire types of protobuf. */
  private static final int VARINT = 0;

  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  /**
   * Reads a model.
   *
   * @throws IllegalArgumentException when the bytes are not a model or one of another kind
   */
  static BpeTokenizer read(byte[] bytes) {
    return new BpeTokenizer(pieces(bytes), null, id -> false);
  }

  /** The pieces, in order of id, of a model like Gemma's. */
  static List<Piece> pieces(byte[] bytes) {
    List<Piece> pieces = new ArrayList<>();
    ByteBuffer trainer = ByteBuffer.allocate(0);
    ByteBuffer normalizer = ByteBuffer.allocate(0);
    try {
      Fields fields = new Fields(ByteBuffer.wrap(bytes));
      while (fields.next()) {
        switch (fields.field) {
          case 1 -> pieces.add(piece(pieces.size(), fields.bytes()));
          case 2 -> trainer = fields.bytes();
          case 3 -> normalizer = fields.bytes();
          default -> {}
        }
      }
      if (pieces.isEmpty()) {
        throw new IllegalArgumentException("it holds no pieces");
      }
      checkTrainer(trainer);
      checkNormalizer(normalizer);
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException(
          "not a SentencePiece model, or a truncated one: the protobuf ends inside a field", e);
    }
    return pieces;
  }

  private static Piece piece(int id, ByteBuffer bytes) {
    Fields fields = new Fields(bytes);
    String text = "";
    float score = 0;
    Piece.Type type = Piece.Type.NORMAL;
    while (fields.next()) {
      switch (fields.field) {
        case 1 -> text = StandardCharsets.UTF_8.decode(fields.bytes()).toString();
        case 2 -> score = Float.intBitsToFloat((int) fields.number());
        case 3 -> type = Piece.Type.ofNumber(fields.number());
        default -> {}
      }
    }
    if (type == Piece.Type.UNUSED) {
      throw new IllegalArgumentException(
          "piece %d, '%s', is of type UNUSED, which is not supported; Gemma's vocabulary has none"
              .formatted(id, text));
    }
    return new Piece(text, score, type);
  }

  private static void checkTrainer(ByteBuffer bytes) {
    Fields fields = new Fields(bytes);
    int modelType = 1;
    boolean byteFallback = false;
    boolean suffixSpaces = false;
    while (fields.next()) {
      switch (fields.field) {
        case 3 -> modelType = (int) fields.number();
        case 24 -> suffixSpaces = fields.number() != 0;
        case 35 -> byteFallback = fields.number() != 0;
        default -> {}
      }
    }
    if (modelType != BPE) {
      String name =
          modelType > 0 && modelType < MODEL_TYPES.length
              ? MODEL_TYPES[modelType]
              : String.valueOf(modelType);
      throw new IllegalArgumentException(
          "its model_type is %s; only BPE with byte fallback (Gemma's) is supported"
              .formatted(name));
    }
    require(byteFallback, "byte_fallback is false, expected true as in Gemma's");
    require(!suffixSpaces, "treat_whitespace_as_suffix is true, expected false as in Gemma's");
  }

  private static void checkNormalizer(ByteBuffer bytes) {
    Fields fields = new Fields(bytes);
    boolean rules = false;
    boolean dummyPrefix = true;
    boolean removeSpaces = true;
    boolean escapeSpaces = true;
    while (fields.next()) {
      switch (fields.field) {
        case 2 -> rules = fields.bytes().hasRemaining();
        case 3 -> dummyPrefix = fields.number() != 0;
        case 4 -> removeSpaces = fields.number() != 0;
        case 5 -> escapeSpaces = fields.number() != 0;
        default -> {}
      }
    }
    require(!rules, "it has normalisation rules, expected identity as in Gemma's");
    require(!dummyPrefix, "add_dummy_prefix is true, expected false as in Gemma's");
    require(!removeSpaces, "remove_extra_whitespaces is true, expected false as in Gemma's");
    require(escapeSpaces, "escape_whitespaces is false, expected true as in Gemma's");
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** A model's bytes, which {@link #read} and SentencePiece's own processor can read. */
  static byte[] write(List<Piece> pieces) {
    Message model = new Message();
    for (Piece piece : pieces) {
      model.message(
          1,
          new Message()
              .string(1, piece.text())
              .fixed32(2, Float.floatToRawIntBits(piece.score()))
              .varint(3, piece.type().number()));
    }
    Message trainer = new Message().varint(3, BPE).varint(4, pieces.size());
    trainer.varint(25, 1).varint(35, 1); // split_digits, byte_fallback
    trainer.varint(40, 3).varint(41, Tokenizer.BOS); // unk_id, bos_id
    trainer.varint(42, Tokenizer.EOS).varint(43, Tokenizer.PAD);
    trainer.string(45, "<unk>").string(46, "<bos>").string(47, "<eos>").string(48, "<pad>");
    model.message(2, trainer);
    model.message(3, new Message().string(1, "identity").varint(3, 0).varint(4, 0).varint(5, 1));
    return model.bytes.toByteArray();
  }

  /** A cursor over a message's fields. */
  private static final class Fields {
    private final ByteBuffer buffer;
    private int field;
    private int wire;

    Fields(ByteBuffer buffer) {
      this.buffer = buffer.slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Moves to the next field, skipping the previous one's value if it was not read. */
    boolean next() {
      if (wire >= 0 && field > 0) {
        skip();
      }
      if (!buffer.hasRemaining()) {
        return false;
      }
      long tag = varint();
      field = (int) (tag >>> 3);
      wire = (int) (tag & 7);
      if (field < 1 || (wire > BYTES && wire != FIXED32)) {
        throw new IllegalArgumentException(
            "not a SentencePiece model: field %d of wire type %d".formatted(field, wire));
      }
      return true;
    }

    long number() {
      long number =
          switch (wire) {
            case VARINT -> varint();
            case FIXED32 -> buffer.getInt();
            case FIXED64 -> buffer.getLong();
            default ->
                throw new IllegalArgumentException(
                    "not a SentencePiece model: field %d is not a number".formatted(field));
          };
      wire = -1;
      return number;
    }

    ByteBuffer bytes() {
      if (wire != BYTES) {
        throw new IllegalArgumentException(
            "not a SentencePiece model: field %d is not a string or message".formatted(field));
      }
      long length = varint();
      if (length < 0 || length > buffer.remaining()) {
        throw new BufferUnderflowException();
      }
      ByteBuffer bytes = buffer.slice(buffer.position(), (int) length);
      buffer.position(buffer.position() + (int) length);
      wire = -1;
      return bytes;
    }

    private void skip() {
      if (wire == BYTES) {
        bytes();
      } else {
        number();
      }
    }

    private long varint() {
      long value = 0;
      for (int shift = 0; shift < 64; shift += 7) {
        byte b = buffer.get();
        value |= (long) (b & 0x7f) << shift;
        if (b >= 0) {
          return value;
        }
      }
      throw new IllegalArgumentException(
          "not a SentencePiece model: a number has more than 64 bits");
    }
  }

  /** A message being written. */
  private static final class Message {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Message varint(int field, long value) {
      tag(field, VARINT);
      return raw(value);
    }

    Message fixed32(int field, int value) {
      tag(field, FIXED32);
      for (int shift = 0; shift < 32; shift += 8) {
        bytes.write(value >>> shift);
      }
      return this;
    }

    Message string(int field, String value) {
      return bytes(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message value) {
      return bytes(field, value.bytes.toByteArray());
    }

    private Message bytes(int field, byte[] value) {
      tag(field, BYTES);
      raw(value.length);
      bytes.writeBytes(value);
      return this;
    }

    private void tag(int field, int wire) {
      raw((long) field << 3 | wire);
    }

    private Message raw(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        bytes.write((int) ((rest & 0x7f) | 0x80));
        rest >>>= 7;
      }
      bytes.write((int) rest);
      return this;
    }
  }
}
