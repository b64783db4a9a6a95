package dev.palimpsest.cli.reports;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.folder.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A part of the positions of a stage, examined by a process of its own.
 *
 * @param stage its name
 * @param mixture fingerprint of what the stage is drawn from
 * @param positions number of all positions that are examined
 * @param index of this part, from 0
 * @param of number of parts
 */
public record SurveyPart(
    String stage,
    String mixture,
    int positions,
    int index,
    int of,
    List<SurveyedPosition> surveyed) {
  /** Keeps an unmodifiable copy. */
  public SurveyPart {
    surveyed = List.copyOf(surveyed);
  }

  /** Writes the part to its file in a folder. */
  public Path write(Path folder) {
    Path file = file(folder, stage, index, of);
    try {
      RunFolder.writeText(file, Json.STRICT.writeValueAsString(this) + "\n");
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  /**
   * What all parts of a stage have found, in the order of positions.
   *
   * @param expected of which each part must be one: its stage, mixture and positions
   * @param of number of parts
   * @throws UserMistake when parts are missing, or of something else
   */
  public static List<SurveyedPosition> merged(Path folder, SurveyPart expected, int of) {
    List<String> mistakes = new ArrayList<>();
    List<SurveyedPosition> surveyed = new ArrayList<>();
    for (int i = 0; i < of; i++) {
      Path file = file(folder, expected.stage, i, of);
      if (!Files.isRegularFile(file)) {
        mistakes.add("%s is missing: run with --part %d/%d".formatted(file, i, of));
        continue;
      }
      SurveyPart part = read(file);
      if (!part.mixture.equals(expected.mixture) || part.positions != expected.positions) {
        mistakes.add(
            "%s is of another mixture or number of --samples: run --part %d/%d again"
                .formatted(file, i, of));
      }
      surveyed.addAll(part.surveyed);
    }
    if (!mistakes.isEmpty()) {
      throw new UserMistake(String.join("\n", mistakes));
    }
    surveyed.sort(Comparator.comparingInt(SurveyedPosition::index));
    return surveyed;
  }

  private static SurveyPart read(Path file) {
    try {
      return Json.STRICT.readValue(Files.readString(file), SurveyPart.class);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  private static Path file(Path folder, String stage, int index, int of) {
    return folder.resolve("%s.part-%05d-of-%05d.json".formatted(stage, index, of));
  }
}
