package dev.palimpsest.eval.benchmarks.forms.questions;

import dev.palimpsest.eval.benchmarks.forms.BenchmarkExample;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFiles;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkForm;
import dev.palimpsest.eval.benchmarks.forms.BenchmarkFormatException;
import dev.palimpsest.eval.benchmarks.forms.JsonFile;
import dev.palimpsest.eval.benchmarks.forms.ParquetForm;
import dev.palimpsest.mixtures.images.ImageReference;
import dev.palimpsest.mixtures.sources.Row;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * CountBenchQA: CountBench's Parquet file (https://huggingface.co/datasets/nielsr/countbench), and
 * a question for each of its rows in order (https://github.com/google-research/big_vision,
 * datasets/countbenchqa/data). Rows without a picture are left out, as are those whose picture has
 * one value per pixel, because big_vision drops grey ones.
 *
 * <pre>
 * {image, number: 10, ...}
 * [{"question": "How many headsets are there in the image?"}, ...]
 * </pre>
 */
public final class CountBenchQaForm implements BenchmarkForm {
  @Override
  public List<BenchmarkExample> read(BenchmarkFiles files) throws IOException {
    Path rows = files.file("rows");
    Path questions = files.file("questions");
    List<String> asked = JsonFile.texts(JsonFile.read(questions).items(), "question");
    List<BenchmarkExample> examples = new ArrayList<>();
    int index = 0;
    for (Row row : ParquetForm.rows(rows)) {
      if (index >= asked.size()) {
        throw new BenchmarkFormatException(
            "%s has %d questions and %s more rows".formatted(questions, asked.size(), rows));
      }
      if (!row.images().isEmpty() && hasColours(row.images().get(0))) {
        examples.add(
            new BenchmarkExample(
                    Integer.toString(index),
                    List.of(Integer.toString(index)),
                    asked.get(index),
                    List.of(row.fields().path("number").asText()),
                    Map.of())
                .withPictures(row.images()));
      }
      index++;
    }
    return examples;
  }

  /** Whether a picture has several values per pixel, according to its header. */
  private static boolean hasColours(ImageReference picture) throws IOException {
    try (ImageInputStream in =
        new MemoryCacheImageInputStream(new ByteArrayInputStream(picture.content().read()))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        return true; // reported when the picture is read
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(in);
        Iterator<ImageTypeSpecifier> types = reader.getImageTypes(0);
        return !types.hasNext() || types.next().getNumBands() > 1;
      } finally {
        reader.dispose();
      }
    }
  }
}
