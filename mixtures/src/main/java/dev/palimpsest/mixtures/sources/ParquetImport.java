package dev.palimpsest.mixtures.sources;

import dev.palimpsest.files.Durable;
import dev.palimpsest.mixtures.formats.FileBytes;
import dev.palimpsest.mixtures.formats.MalformedFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.apache.arrow.dataset.file.FileFormat;
import org.apache.arrow.dataset.file.FileSystemDatasetFactory;
import org.apache.arrow.dataset.jni.NativeMemoryPool;
import org.apache.arrow.dataset.scanner.ScanOptions;
import org.apache.arrow.dataset.scanner.Scanner;
import org.apache.arrow.dataset.source.Dataset;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ValueVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Converts Parquet to Arrow once, because Parquet has no random access to rows, and Arrow's Java
 * binding none to row groups. The Arrow stream is stored in the cache folder under a name derived
 * from the Parquet file's fingerprint and the columns, so that every run reuses it as long as the
 * file does not change. It is renamed to that name after it was synced; two processes that import
 * the same file at the same time do the work twice with the same result.
 */
final class ParquetImport {
  private static final Logger log = LoggerFactory.getLogger(ParquetImport.class);
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
  private static final String VERSION = "parquet import 1";

  /** The most rows per record batch, which limits the memory of the import. */
  private static final int BATCH = 256;

  private ParquetImport() {}

  /**
   * The fingerprint of a Parquet file: its end, which contains the schema and the position, size
   * and statistics of every column chunk, and samples of the rest, as described at {@link
   * SourceFiles#addSampled}.
   */
  static String fingerprint(Path parquet) {
    Digest digest = new Digest();
    SourceFiles.addSampled(digest, parquet);
    return digest.hex();
  }

  /**
   * The Arrow stream of a Parquet file's columns, which is imported unless it exists already.
   *
   * @param fingerprint of the file
   * @param columns all if empty
   * @param cache folder; created if absent
   * @throws UncheckedIOException when the file cannot be read or the folder cannot be written
   * @throws MalformedFileException when it is not a Parquet file
   */
  static Path imported(Path parquet, String fingerprint, List<String> columns, Path cache) {
    Digest digest = new Digest().add(VERSION, fingerprint).add(columns.toArray(String[]::new));
    Path target = cache.resolve(digest.hex().substring(0, 32) + ".arrow");
    if (Files.isRegularFile(target)) {
      return target;
    }
    Path written = null;
    try {
      checkEnds(parquet);
      Files.createDirectories(cache);
      // Not createTempFile, whose files other users could not read.
      written = cache.resolve("import-" + UUID.randomUUID() + ".partial");
      log.info("importing {} into {}", parquet, target);
      write(parquet, columns, written);
      try (FileChannel channel = FileChannel.open(written, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
      Durable.sync(cache);
      return target;
    } catch (FileAlreadyExistsException e) {
      throw new UncheckedIOException(cache + " is not a folder; give the source another cache", e);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot import %s into %s; if that folder cannot be written or is full, give the source another cache"
              .formatted(parquet, cache),
          e);
    } finally {
      delete(written);
    }
  }

  private static void delete(@org.jspecify.annotations.Nullable Path file) {
    if (file != null) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        log.warn("cannot delete {}: {}", file, e.toString());
      }
    }
  }

  /** Checks what native code would report less clearly. */
  private static void checkEnds(Path parquet) throws IOException {
    try (FileBytes file = FileBytes.open(parquet)) {
      boolean framed = file.size() >= 12;
      if (framed) {
        ByteBuffer tail = file.read(file.size() - 8, 8);
        long footer = Integer.toUnsignedLong(tail.getInt());
        framed =
            ByteBuffer.wrap(MAGIC).equals(file.read(0, 4))
                && ByteBuffer.wrap(MAGIC).equals(tail)
                && footer <= file.size() - 12;
      }
      if (!framed) {
        throw new MalformedFileException(
            parquet + ": not a Parquet file, or a truncated one: 'PAR1' must be at both ends");
      }
    }
  }

  @SuppressWarnings("try") // close() declares InterruptedException; nobody interrupts an import
  private static void write(Path parquet, List<String> columns, Path target) throws IOException {
    ScanOptions options =
        new ScanOptions.Builder(BATCH)
            .columns(
                columns.isEmpty() ? Optional.empty() : Optional.of(columns.toArray(String[]::new)))
            .build();
    try (BufferAllocator allocator = new RootAllocator();
        FileSystemDatasetFactory factory =
            new FileSystemDatasetFactory(
                allocator,
                NativeMemoryPool.getDefault(),
                FileFormat.PARQUET,
                parquet.toAbsolutePath().toUri().toString());
        Dataset dataset = dataset(factory, parquet, columns);
        Scanner scanner = dataset.newScan(options);
        ArrowReader reader = scanner.scanBatches();
        FileChannel channel =
            FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      writeDecoded(reader, channel, allocator);
    } catch (MalformedFileException | IOException e) {
      throw e;
    } catch (Exception e) {
      // The binding's exceptions: RuntimeException with libarrow's message, and checked ones of
      // close().
      throw new MalformedFileException(parquet + ": " + e.getMessage(), e);
    }
  }

  /**
   * Writes all batches; dictionary-encoded columns (pandas' categories) are written as their
   * values.
   */
  private static void writeDecoded(
      ArrowReader reader, FileChannel channel, BufferAllocator allocator) throws IOException {
    VectorSchemaRoot read = reader.getVectorSchemaRoot();
    List<Field> fields = new ArrayList<>();
    for (Field field : read.getSchema().getFields()) {
      fields.add(field.getDictionary() == null ? field : decoded(field, dictionary(reader, field)));
    }
    Schema schema = new Schema(fields, read.getSchema().getCustomMetadata());
    try (VectorSchemaRoot written = VectorSchemaRoot.create(schema, allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(written, reader, channel)) {
      VectorLoader loader = new VectorLoader(written);
      writer.start();
      while (reader.loadNextBatch()) {
        List<FieldVector> vectors = new ArrayList<>();
        List<ValueVector> decoded = new ArrayList<>();
        try {
          for (FieldVector vector : read.getFieldVectors()) {
            Field field = vector.getField();
            if (field.getDictionary() == null) {
              vectors.add(vector);
            } else {
              ValueVector values =
                  DictionaryEncoder.decode(vector, dictionary(reader, field), allocator);
              decoded.add(values);
              vectors.add((FieldVector) values);
            }
          }
          VectorSchemaRoot batch = new VectorSchemaRoot(fields, vectors, read.getRowCount());
          try (ArrowRecordBatch buffers = new VectorUnloader(batch).getRecordBatch()) {
            loader.load(buffers);
          }
        } finally {
          decoded.forEach(ValueVector::close);
        }
        writer.writeBatch();
      }
      writer.end();
    }
  }

  private static Dictionary dictionary(ArrowReader reader, Field field) {
    return reader.lookup(Objects.requireNonNull(field.getDictionary()).getId());
  }

  private static Field decoded(Field field, Dictionary dictionary) {
    Field values = dictionary.getVector().getField();
    return new Field(
        field.getName(),
        new FieldType(field.isNullable(), values.getType(), null, field.getMetadata()),
        values.getChildren());
  }

  /** The dataset, if it has the columns. */
  private static Dataset dataset(
      FileSystemDatasetFactory factory, Path parquet, List<String> columns) {
    List<String> there = factory.inspect().getFields().stream().map(Field::getName).toList();
    for (String column : columns) {
      if (!there.contains(column)) {
        throw new MalformedFileException(
            "source %s has no column '%s'; it has %s".formatted(parquet, column, there));
      }
    }
    return factory.finish();
  }
}
