package dev.palimpsest.mixtures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.palimpsest.configs.data.SourceConfig;
import dev.palimpsest.mixtures.sources.ExampleSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What a source leaves out is counted, and the log says so in the words of its format. */
class LeftOutTest {
  private final Path folder;
  private final Logger logger = (Logger) LoggerFactory.getLogger("dev.palimpsest.mixtures");
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();

  LeftOutTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeEach
  void listen() {
    log.start();
    logger.addAppender(log);
  }

  @AfterEach
  void stop() {
    logger.detachAppender(log);
  }

  private List<String> told(SourceConfig config) {
    log.list.clear();
    ExampleSource.open(config).close();
    return log.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void objectsWithoutAreaAndAnnotationsOfUnknownImages() throws IOException {
    Path file =
        write(
            "instances.json",
            """
            {"images": [{"id": 1, "file_name": "1.jpg", "height": 80, "width": 100}],
             "annotations": [
              {"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 0.0, 4]},
              {"id": 8, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
              {"id": 9, "image_id": 1, "category_id": 1, "bbox": [200, 2, 3, 4]},
              {"id": 10, "image_id": 5.0, "category_id": 1, "bbox": [1, 2, 3, 4]}],
             "categories": [{"id": 1, "name": "cat"}]}
            """);
    assertEquals(
        List.of(
            "source %s: 1 left out; annotation of image 5, which is not listed".formatted(file),
            ("source %s: 2 left out; the first: object whose bbox has no area within its image,"
                    + " [1,2,0,4] of annotation 7")
                .formatted(file)),
        told(new SourceConfig.CocoInstances(file.toString(), folder.toString())));
  }

  @Test
  void boxesWithoutArea() throws IOException {
    Path file =
        write(
            "boxes.csv",
            "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,0.3,0.3,0,1\na,/m/1,0,1,0,1\n");
    assertEquals(
        List.of(
            ("source %s: 1 left out; box without area within its image, XMin 0.3, XMax 0.3, YMin 0,"
                    + " YMax 1 of image a")
                .formatted(file)),
        told(new SourceConfig.OpenImages(file.toString(), null, null, folder.toString())));
  }

  @Test
  void answersToUnknownQuestions() throws IOException {
    Path questions =
        write(
            "q.json",
            "{\"questions\": [{\"question_id\": 1, \"image_id\": 2, \"question\": \"q\"}]}");
    Path annotations =
        write(
            "a.json",
            "{\"annotations\": [{\"question_id\": 1.0, \"answers\": []}, {\"question_id\": 3}]}");
    assertEquals(
        List.of(
            "source %s: 1 left out; annotation of question 3, which is not listed"
                .formatted(annotations)),
        told(
            new SourceConfig.Vqa(questions.toString(), annotations.toString(), folder.toString())));
  }

  @Test
  void membersWithoutAKeyAndColumnsThatAreNotRead() {
    List<String> tar =
        told(new SourceConfig.Tar(Golden.file("odd/tar/appledouble.tar").toString()));
    assertEquals(1, tar.size());
    assertTrue(
        tar.get(0).contains("3 members have no key") && tar.get(0).endsWith("is ._000.jpg"),
        tar.get(0));
    List<String> arrow =
        told(
            new SourceConfig.Arrow(
                Golden.file("odd/view.arrow").toString(), List.of(), List.of(), null));
    assertEquals(1, arrow.size());
    assertTrue(arrow.get(0).contains("column extra is Utf8View"), arrow.get(0));
  }

  @Test
  void rowsWithoutPictures() throws IOException {
    Path file = write("text.jsonl", "{\"suffix\": \"a\"}\n{\"suffix\": \"b\"}\n");
    String told = "source %s: no picture in the 2 rows that were examined;".formatted(file);
    List<String> usual = told(new SourceConfig.JsonLines(file.toString(), null));
    assertTrue(usual.size() == 1 && usual.get(0).startsWith(told), usual.toString());
    List<String> named = told(new SourceConfig.JsonLines(file.toString(), null, List.of("photo")));
    assertTrue(
        named.size() == 1 && named.get(0).endsWith("the recipe says that pictures are in [photo]"),
        named.toString());
  }
}
