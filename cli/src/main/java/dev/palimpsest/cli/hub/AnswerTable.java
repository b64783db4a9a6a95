package dev.palimpsest.cli.hub;

import dev.palimpsest.eval.Judged;
import dev.palimpsest.eval.metrics.MetricResult;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.tasks.Example;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.arrow.dataset.file.DatasetFileWriter;
import org.apache.arrow.dataset.file.FileFormat;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Answers as a Parquet file: a row for each question with its task, prompt, references, answer,
 * names of pictures, and the score by the task's first metric where that metric scores single
 * answers.
 */
final class AnswerTable {
  private static final Duration RELEASED_WITHIN = Duration.ofSeconds(20);

  private static final FieldType TEXT = FieldType.notNullable(ArrowType.Utf8.INSTANCE);

  private static final Schema SCHEMA =
      new Schema(
          List.of(
              new Field("task", TEXT, null),
              new Field("id", TEXT, null),
              new Field("prompt", TEXT, null),
              new Field(
                  "references",
                  FieldType.notNullable(ArrowType.List.INSTANCE),
                  List.of(new Field("item", FieldType.nullable(ArrowType.Utf8.INSTANCE), null))),
              new Field("answer", TEXT, null),
              new Field("pictures", TEXT, null),
              new Field(
                  "score",
                  FieldType.nullable(new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
                  null)));

  private AnswerTable() {}

  static void write(Path file, Map<String, Judged> judged) {
    try (BufferAllocator allocator = new RootAllocator()) {
      byte[] stream = stream(allocator, judged);
      Path folder = Files.createTempDirectory(file.toAbsolutePath().getParent(), ".answers");
      try (ArrowStreamReader reader =
          new ArrowStreamReader(new ByteArrayInputStream(stream), allocator)) {
        DatasetFileWriter.write(
            allocator,
            reader,
            FileFormat.PARQUET,
            folder.toUri().toString(),
            new String[0],
            1,
            "answers-{i}");
      }
      awaitRelease(allocator);
      try (Stream<Path> written = Files.list(folder)) {
        Path one = written.findFirst().orElseThrow();
        Files.move(one, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  /** The native writer's threads release their last buffers shortly after it has returned. */
  private static void awaitRelease(BufferAllocator allocator) {
    long deadline = System.nanoTime() + RELEASED_WITHIN.toNanos();
    while (allocator.getAllocatedMemory() > 0 && System.nanoTime() - deadline < 0) {
      Thread.onSpinWait();
    }
  }

  private static byte[] stream(BufferAllocator allocator, Map<String, Judged> judged)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
        ArrowStreamWriter out = new ArrowStreamWriter(root, null, bytes)) {
      int rows = 0;
      for (Map.Entry<String, Judged> task : judged.entrySet()) {
        rows = append(root, rows, task.getKey(), task.getValue());
      }
      root.setRowCount(rows);
      out.writeBatch();
      out.end();
    }
    return bytes.toByteArray();
  }

  /** Adds a task's rows, and returns how many there are then. */
  private static int append(VectorSchemaRoot root, int from, String task, Judged one) {
    Map<String, Double> scores = new HashMap<>();
    for (MetricResult verdict : one.verdicts().subList(0, Math.min(1, one.verdicts().size()))) {
      verdict.examples().forEach(example -> scores.put(example.id(), example.score()));
    }
    ListVector references = (ListVector) root.getVector("references");
    VarCharVector reference = (VarCharVector) references.getDataVector();
    Float8Vector score = (Float8Vector) root.getVector("score");
    int row = from;
    for (int i = 0; i < one.examples().size(); i++, row++) {
      Example example = one.examples().get(i);
      set(root, "task", row, task);
      set(root, "id", row, example.id());
      set(root, "prompt", row, example.prefix());
      set(root, "answer", row, one.answers().get(i));
      set(
          root,
          "pictures",
          row,
          example.images().stream().map(ImageReference::name).collect(Collectors.joining(" ")));
      int at = references.startNewValue(row);
      for (String text : example.references()) {
        reference.setSafe(at++, text.getBytes(StandardCharsets.UTF_8));
      }
      references.endValue(row, example.references().size());
      Double value = scores.get(example.id());
      if (value != null) {
        score.setSafe(row, value);
      }
    }
    return row;
  }

  private static void set(VectorSchemaRoot root, String column, int row, String text) {
    ((VarCharVector) root.getVector(column)).setSafe(row, text.getBytes(StandardCharsets.UTF_8));
  }
}
