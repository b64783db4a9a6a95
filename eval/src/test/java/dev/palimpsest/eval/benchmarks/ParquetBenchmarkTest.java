package dev.palimpsest.eval.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.mixtures.images.Image;
import dev.palimpsest.mixtures.images.ImageDecoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Benchmarks as lmms-lab publishes them, in Parquet that DuckDB has written. */
class ParquetBenchmarkTest {
  @TempDir Path folder;

  private List<Question> read(String benchmark, String... files) throws IOException {
    Path target = Files.createDirectories(folder.resolve(benchmark).resolve("parquet"));
    for (String file : files) {
      Files.copy(Path.of("src/test/resources/benchmarks/parquet", file), target.resolve(file));
    }
    return new BenchmarkReader(Benchmarks.find(benchmark), folder).questions();
  }

  private static Image picture(Question question) throws IOException {
    assertEquals(1, question.example().images().size());
    return ImageDecoder.decode(question.example().images().get(0).content().read());
  }

  @Test
  void vqaHasItsTenAnswersAndItsPictures() throws IOException {
    List<Question> questions =
        read("vqav2", "validation-00000-of-00002.parquet", "validation-00001-of-00002.parquet");
    assertEquals(
        List.of("42000", "43001", "43002"),
        questions.stream().map(question -> question.example().id()).toList());
    assertEquals("answer en What is it?", questions.get(0).example().prefix());
    List<String> answers = questions.get(0).example().references();
    assertEquals(10, answers.size());
    assertEquals(7, Collections.frequency(answers, "cat"));
    Image red = picture(questions.get(0));
    assertEquals(List.of(3, 2), List.of(red.width(), red.height()));
    assertEquals((byte) 255, red.rgb()[0]);
    assertEquals(5, picture(questions.get(2)).width());
  }

  @Test
  void countsAreAskedOfRowsWithAColouredPicture() throws IOException {
    Path target = Files.createDirectories(folder.resolve("countbench"));
    String rows = "train-00000-of-00001.parquet";
    Files.copy(Path.of("src/test/resources/benchmarks/parquet", rows), target.resolve(rows));
    Files.writeString(
        target.resolve("countbench_paired_questions.json"),
        """
        [{"question": "How many kettles?"}, {"question": "Gone?"}, {"question": "Grey?"},
         {"question": "How many kettles now?"}]
        """);
    List<Question> questions =
        new BenchmarkReader(Benchmarks.find("countbenchqa"), folder).questions();
    assertEquals(
        List.of("0", "3"), questions.stream().map(question -> question.example().id()).toList());
    assertEquals("answer en How many kettles now?", questions.get(1).example().prefix());
    assertEquals(List.of("10"), questions.get(1).example().references());
    assertEquals(5, picture(questions.get(1)).width());
  }

  @Test
  void choicesAreAnsweredByTheirPlace() throws IOException {
    List<Question> questions = read("ai2d", "test-00000-of-00001.parquet");
    Question second = questions.get(1);
    assertEquals(List.of("rabbit"), second.example().references());
    assertEquals(
        "answer en  What eats grass? choose from: fox \t rabbit \t owl \t hawk",
        second.example().prefix());
    assertEquals(6, picture(second).width());
  }

  @Test
  void rowsAreKeptByAFieldAsInOtherForms() throws IOException {
    for (String rows :
        List.of("validation-00000-of-00002.parquet", "validation-00001-of-00002.parquet")) {
      Files.copy(Path.of("src/test/resources/benchmarks/parquet", rows), folder.resolve(rows));
    }
    Path definition =
        Files.writeString(
            folder.resolve("kept.yaml"),
            """
            include: questions
            name: kept
            title: Some rows
            metrics: ['exact_match:official']
            split: validation
            data:
              - format: parquet
                files: {rows: 'validation-*.parquet'}
                fields: {id: question_id, references: answers.answer}
                keep: {question_id: ['43001']}
                from: my desk
            """);
    List<Question> questions =
        new BenchmarkReader(Benchmarks.find(definition.toString()), folder).questions();
    assertEquals(
        List.of("43001"), questions.stream().map(question -> question.example().id()).toList());
  }
}
