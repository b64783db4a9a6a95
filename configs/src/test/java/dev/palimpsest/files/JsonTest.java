package dev.palimpsest.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  private static final String TWICE = "{\"size\": 1, \"size\": 2}";

  @ParameterizedTest
  @ValueSource(strings = {TWICE, "{\"a\": [" + TWICE + "]}", "{\"size\": NaN}", "{'size': 1}"})
  void ourOwnFilesHoldStandardJsonWhoseMembersAreNamedOnce(String text) {
    assertThrows(JsonProcessingException.class, () -> Json.STRICT.readTree(text));
  }

  @Test
  void othersFilesAreReadAsPythonReadsThem() throws JsonProcessingException {
    assertEquals(2, Json.PYTHON.readTree(TWICE).path("size").asInt());
    assertTrue(Double.isNaN(Json.PYTHON.readTree("[NaN]").get(0).asDouble()));
    assertEquals(Double.NEGATIVE_INFINITY, Json.PYTHON.readTree("[-Infinity]").get(0).asDouble());
  }

  @Test
  void textForPeopleIsIndentedAndEndsItsLastLine() {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("b", 1);
    value.put("a", "x");
    assertEquals("{\n  \"b\" : 1,\n  \"a\" : \"x\"\n}\n", Json.indented(value));
  }
}
