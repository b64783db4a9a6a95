package dev.palimpsest.checkpoints.tensors;

import dev.palimpsest.checkpoints.tensors.CheckpointFormatException.Kind;
import dev.palimpsest.configs.checks.PlaceholderFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Tensors of a numpy {@code .npz}: a zip archive whose members are npy files, STORED or DEFLATED,
 * with zip64 if large. Names are the members' names without {@code .npy}; they are keys and never
 * touch the file system.
 *
 * <p>The archive is read here instead of with {@link java.util.zip.ZipFile}, which does not say
 * where a stored member's data begin, as is necessary to read parts of them. A member's CRC is
 * verified when it is first read.
 */
public final class NpzFile extends TensorSource {
  private static final int END_RECORD = 0x06054b50;
  private static final int END_RECORD_64 = 0x06064b50;
  private static final int END_LOCATOR_64 = 0x07064b50;
  private static final int CENTRAL_HEADER = 0x02014b50;
  private static final int LOCAL_HEADER = 0x04034b50;

  /**
   * Directories larger than this are refused; that of a real checkpoint has a few thousand entries.
   */
  private static final long MAX_DIRECTORY = 64 << 20;

  private final Path path;
  private final FileChannel channel;
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final Map<String, TensorBytes> verified = new HashMap<>();

  /** Members of types that are not read, with the reason; the others are read. */
  private final Map<String, CheckpointFormatException> unreadable = new LinkedHashMap<>();

  /** Deflate compresses to a thousandth at best; a member that is declared smaller is invalid. */
  private static final long MAX_RATIO = 1032;

  /**
   * @param local where the member's own header begins
   * @param start first byte of the member's (possibly deflated) content in the file
   */
  private record Entry(
      String member, boolean deflated, long local, long start, long stored, long size, long crc) {
    long end() {
      return start + stored;
    }
  }

  private record Member(TensorInfo info, NpyHeader npy, Entry entry) {
    /** Whether its bytes have to be converted. */
    boolean copied() {
      return entry.deflated || rearranged();
    }

    boolean rearranged() {
      return npy.bigEndian() || (npy.fortran() && info.shape().dimension() > 1);
    }
  }

  private NpzFile(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /**
   * Opens an archive and reads the header of every member.
   *
   * @throws CheckpointFormatException when it is not an npz file or its directory is inconsistent
   * @throws UncheckedIOException when it cannot be read
   */
  public static NpzFile open(Path path) {
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      NpzFile file = new NpzFile(path, channel);
      try {
        file.readDirectory();
        return file;
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(path + ": " + e.getMessage(), e);
    }
  }

  private void readDirectory() throws IOException {
    long fileSize = channel.size();
    int tailLength = (int) Math.min(fileSize, 22 + 0xffff + 20); // record, comment, zip64 locator
    ByteBuffer tail = read(fileSize - tailLength, tailLength);
    int end = tailLength - 22;
    while (end >= 0 && tail.getInt(end) != END_RECORD) {
      end--;
    }
    Optional<String> unfetched = end < 0 ? PlaceholderFile.reason(path) : Optional.empty();
    if (unfetched.isPresent()) {
      throw new CheckpointFormatException(Kind.FOREIGN, path, unfetched.get());
    }
    if (end < 0) {
      boolean zip = fileSize >= 4 && read(0, 4).getInt(0) == LOCAL_HEADER;
      throw new CheckpointFormatException(
          zip ? Kind.TRUNCATED : Kind.FOREIGN,
          path,
          zip
              ? "ends before the archive's directory; fetch it again"
              : "is not an npz file: no zip directory found");
    }
    long entries = Short.toUnsignedLong(tail.getShort(end + 10));
    long size = Integer.toUnsignedLong(tail.getInt(end + 12));
    long start = Integer.toUnsignedLong(tail.getInt(end + 16));
    if (end >= 20 && tail.getInt(end - 20) == END_LOCATOR_64) {
      long record = tail.getLong(end - 20 + 8);
      require(record >= 0 && record <= fileSize - 56, "zip64 record at byte " + record);
      ByteBuffer end64 = read(record, 56);
      require(end64.getInt(0) == END_RECORD_64, "no zip64 record at byte " + record);
      entries = end64.getLong(32);
      size = end64.getLong(40);
      start = end64.getLong(48);
    }
    require(
        start >= 0 && size >= 0 && size <= MAX_DIRECTORY && start <= fileSize - size,
        "directory of %d bytes at byte %d of %d".formatted(size, start, fileSize));
    require(entries >= 0 && entries <= size / 46, entries + " members in " + size + " bytes");
    ByteBuffer directory = read(start, (int) size);
    List<Entry> found = new ArrayList<>();
    for (long i = 0; i < entries; i++) {
      readEntry(directory, start).ifPresent(found::add);
    }
    List<Entry> ordered = new ArrayList<>(found);
    ordered.sort(Comparator.comparingLong(Entry::local));
    for (int i = 1; i < ordered.size(); i++) {
      require(
          ordered.get(i - 1).end() <= ordered.get(i).local(),
          "%s and %s overlap".formatted(ordered.get(i - 1).member(), ordered.get(i).member()));
    }
    for (Entry entry : found) {
      addMember(entry);
    }
  }

  private Optional<Entry> readEntry(ByteBuffer d, long directoryStart) throws IOException {
    int at = d.position();
    require(d.remaining() >= 46 && d.getInt(at) == CENTRAL_HEADER, "entry at byte " + at);
    final int flags = d.getShort(at + 8);
    final int method = d.getShort(at + 10);
    final long crc = Integer.toUnsignedLong(d.getInt(at + 16));
    long stored = Integer.toUnsignedLong(d.getInt(at + 20));
    long size = Integer.toUnsignedLong(d.getInt(at + 24));
    final int nameLength = Short.toUnsignedInt(d.getShort(at + 28));
    final int extraLength = Short.toUnsignedInt(d.getShort(at + 30));
    final int commentLength = Short.toUnsignedInt(d.getShort(at + 32));
    long local = Integer.toUnsignedLong(d.getInt(at + 42));
    require(d.remaining() - 46 >= nameLength + extraLength + commentLength, "entry " + at);
    byte[] nameBytes = new byte[nameLength];
    d.get(at + 46, nameBytes);
    String member = new String(nameBytes, StandardCharsets.UTF_8);
    // zip64 extra field: 8-byte values of those fields that are all ones, in this order
    ByteBuffer extra = d.slice(at + 46 + nameLength, extraLength).order(ByteOrder.LITTLE_ENDIAN);
    while (extra.remaining() >= 4) {
      int id = extra.getShort();
      int length = Short.toUnsignedInt(extra.getShort());
      require(length <= extra.remaining(), "extra field of " + member);
      ByteBuffer field = extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
      if (id == 1) {
        size = wide(size, field);
        stored = wide(stored, field);
        local = wide(local, field);
      }
      extra.position(extra.position() + length);
    }
    d.position(at + 46 + nameLength + extraLength + commentLength);
    if (member.endsWith("/")) {
      return Optional.empty(); // a folder entry
    }
    if ((flags & 1) != 0 || (method != 0 && method != 8)) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          path,
          "%s is %s; stored and deflated members are read"
              .formatted(
                  member, (flags & 1) != 0 ? "encrypted" : "compressed by method " + method));
    }
    require(local >= 0 && local <= directoryStart - 30, "%s at byte %d".formatted(member, local));
    ByteBuffer head = read(local, 30);
    require(head.getInt(0) == LOCAL_HEADER, "no header of " + member + " at byte " + local);
    long start =
        local
            + 30
            + Short.toUnsignedInt(head.getShort(26))
            + Short.toUnsignedInt(head.getShort(28));
    require(
        stored >= 0 && size >= 0 && start <= directoryStart - stored,
        "%s of %d bytes at byte %d".formatted(member, stored, start));
    require(method == 8 || stored == size, member + " is stored, yet has two sizes");
    require(
        size / MAX_RATIO <= stored,
        "%s would be %d bytes deflated to %d".formatted(member, size, stored));
    return Optional.of(new Entry(member, method == 8, local, start, stored, size, crc));
  }

  private void addMember(Entry entry) throws IOException {
    String member = entry.member;
    if (!member.endsWith(".npy")) {
      throw new CheckpointFormatException(
          Kind.FOREIGN,
          path,
          member.endsWith("data.pkl")
              ? "is a PyTorch file; pickles are never read: save the model as safetensors"
              : "is not an npz file: it holds " + member);
    }
    int length = (int) Math.min(entry.size, NpyHeader.MAX_LENGTH);
    ByteBuffer head;
    if (entry.deflated) {
      head = ByteBuffer.allocate(length);
      try (Deflated content = new Deflated(member, entry.start, entry.stored)) {
        content.fill(head);
      }
      head.flip();
    } else {
      head = read(entry.start, length);
    }
    String name = member.substring(0, member.length() - ".npy".length());
    require(
        !members.containsKey(name) && !unreadable.containsKey(name),
        "two members are called " + member);
    NpyHeader npy;
    try {
      npy = NpyHeader.parse(path, member, head);
    } catch (NpyHeader.UnreadableTypeException e) {
      unreadable.put(name, e);
      return;
    }
    TensorInfo info = new TensorInfo(name, npy.type(), npy.shape());
    require(
        info.byteSize() == entry.size - npy.length(),
        "%s of %s %s needs %d bytes, the archive has %d"
            .formatted(
                member, npy.type(), npy.shape(), info.byteSize(), entry.size - npy.length()));
    members.put(name, new Member(info, npy, entry));
  }

  private static long wide(long value, ByteBuffer field) {
    return value == 0xffff_ffffL && field.remaining() >= 8 ? field.getLong() : value;
  }

  private void require(boolean holds, String what) {
    if (!holds) {
      throw new CheckpointFormatException(
          Kind.CORRUPT, path, "the archive's directory is damaged: " + what);
    }
  }

  private ByteBuffer read(long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new CheckpointFormatException(
            Kind.TRUNCATED, path, "ends at byte " + channel.size() + "; fetch it again");
      }
    }
    return buffer.flip();
  }

  /** The content of a deflated member, from its start. */
  private final class Deflated implements AutoCloseable {
    private final Inflater inflater = new Inflater(true);
    private final String member;
    private final long start;
    private final long stored;
    private final ByteBuffer input = ByteBuffer.allocate(64 << 10);
    private long taken;

    Deflated(String member, long start, long stored) {
      this.member = member;
      this.start = start;
      this.stored = stored;
    }

    /** Fills the buffer, or fails if the member is shorter. */
    void fill(ByteBuffer target) throws IOException {
      try {
        while (target.hasRemaining()) {
          if (inflater.inflate(target) == 0) {
            if (!inflater.needsInput() || taken == stored) {
              throw damaged(member, "its compressed data ends early");
            }
            input.clear().limit((int) Math.min(input.capacity(), stored - taken));
            if (channel.read(input, start + taken) <= 0) {
              throw damaged(member, "the file ends within it");
            }
            taken += input.position();
            inflater.setInput(input.flip());
          }
        }
      } catch (DataFormatException e) {
        throw damaged(member, "its compressed data is invalid: " + e.getMessage());
      }
    }

    @Override
    public void close() {
      inflater.end();
    }
  }

  private CheckpointFormatException damaged(String member, String how) {
    return new CheckpointFormatException(
        Kind.CORRUPT, path, member + " is damaged: " + how + "; fetch the file again");
  }

  @Override
  public TensorBytes bytes(String name) {
    Member member = member(name);
    synchronized (verified) {
      TensorBytes known = verified.get(name);
      if (known != null) {
        return known;
      }
      try {
        TensorBytes bytes = member.entry.deflated ? inflate(member) : inFile(member);
        if (member.rearranged()) {
          bytes =
              TensorBytes.rearranged(
                  bytes,
                  member.info.shape().getShape(),
                  member.info.type().bytes(),
                  member.npy.fortran(),
                  member.npy.bigEndian());
        }
        if (member.copied()) { // only the last content is kept in memory
          verified.keySet().removeIf(other -> member(other).copied());
        }
        verified.put(name, bytes);
        return bytes;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private TensorBytes inFile(Member member) throws IOException {
    CRC32 crc = new CRC32();
    Entry entry = member.entry;
    int head = member.npy.length();
    crc.update(read(entry.start, head));
    TensorBytes data = TensorBytes.inFile(path, channel, entry.start + head, entry.size - head);
    data.addTo(crc);
    checkCrc(member, crc);
    return data;
  }

  /** Inflates outside the heap. */
  private TensorBytes inflate(Member member) throws IOException {
    String name = member.info.name();
    Entry entry = member.entry;
    long size = entry.size - member.npy.length();
    CRC32 crc = new CRC32();
    ByteBuffer[] windows = TensorBytes.windows(size);
    try (Deflated content = new Deflated(name, entry.start, entry.stored)) {
      ByteBuffer header = ByteBuffer.allocate(member.npy.length());
      content.fill(header);
      crc.update(header.flip());
      for (ByteBuffer window : windows) {
        content.fill(window);
        crc.update(window.flip());
        window.rewind();
      }
    }
    checkCrc(member, crc);
    return new TensorBytes.InMemory(windows, size);
  }

  private void checkCrc(Member member, CRC32 crc) {
    if (crc.getValue() != member.entry.crc) {
      throw damaged(
          member.info.name(),
          "its CRC is %08x, the archive says %08x".formatted(crc.getValue(), member.entry.crc));
    }
  }

  private Member member(String name) {
    Member member = members.get(name);
    CheckpointFormatException reason = unreadable.get(name);
    if (reason != null) {
      throw reason;
    }
    if (member == null) {
      throw new IllegalArgumentException(path + " has no tensor named " + name);
    }
    return member;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public Set<String> names() {
    Set<String> names = new LinkedHashSet<>(members.keySet());
    names.addAll(unreadable.keySet());
    return Collections.unmodifiableSet(names);
  }

  @Override
  public TensorInfo info(String name) {
    return member(name).info;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
