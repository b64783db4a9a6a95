package dev.palimpsest.configs.binding;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.Variants;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Optional;

/**
 * The JSON schema of recipes, generated from the records, for editors that complete and check YAML
 * as it is typed. It knows names, types, defaults and what the Javadoc says of each key; ranges and
 * references between parts are only checked when a recipe is bound.
 */
final class RecipeSchema {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final ObjectNode definitions = JSON.objectNode();

  private final RecordDocs docs;

  private RecipeSchema(RecordDocs docs) {
    this.docs = docs;
  }

  /** The schema (draft 2020-12), ending in a line break. */
  static String json(RecordDocs docs) {
    RecipeSchema schema = new RecipeSchema(docs);
    // Editors read YAML 1.2, where 1_000 is a string.
    schema
        .definitions
        .putObject("wholeNumber")
        .putArray("anyOf")
        .add(JSON.objectNode().put("type", "integer"))
        .add(underscored("^[-+]?[0-9]+(_[0-9]+)+$"));
    schema
        .definitions
        .putObject("number")
        .putArray("anyOf")
        .add(JSON.objectNode().put("type", "number"))
        .add(underscored("^[-+]?[0-9]+(_[0-9]+)+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$"));
    ObjectNode root = JSON.objectNode();
    root.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    root.put("title", "Palimpsest recipe");
    root.setAll(schema.record(PipelineConfig.class));
    root.set("$defs", schema.definitions);
    try {
      DefaultPrettyPrinter printer =
          new DefaultPrettyPrinter(
                  Separators.createDefaultInstance()
                      .withObjectFieldValueSpacing(Separators.Spacing.AFTER))
              .withObjectIndenter(new DefaultIndenter("  ", "\n"));
      return new ObjectMapper().writer(printer).writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ObjectNode underscored(String pattern) {
    return JSON.objectNode().put("type", "string").put("pattern", pattern);
  }

  private ObjectNode type(Type type) {
    if (type instanceof ParameterizedType generic) {
      Type[] arguments = generic.getActualTypeArguments();
      ObjectNode schema = JSON.objectNode();
      if (generic.getRawType() == Map.class) {
        schema.put("type", "object").set("additionalProperties", type(arguments[1]));
      } else {
        schema.put("type", "array").set("items", type(arguments[0]));
      }
      return schema;
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isRecord() || plain.isSealed()) {
      return reference(plain);
    }
    ObjectNode schema = JSON.objectNode();
    if (plain.isEnum()) {
      ArrayNode words = schema.putArray("enum");
      for (Object constant : plain.getEnumConstants()) {
        words.add(Scalars.word((Enum<?>) constant));
      }
      return schema;
    }
    if (plain == String.class) {
      return schema.put("type", "string");
    }
    if (plain == boolean.class) {
      return schema.put("type", "boolean");
    }
    boolean real = plain == double.class || plain == Double.class;
    return schema.put("$ref", "#/$defs/" + (real ? "number" : "wholeNumber"));
  }

  private ObjectNode reference(Class<?> type) {
    String name = type.getSimpleName();
    if (!definitions.has(name)) {
      definitions.putObject(name); // first, for types that hold themselves
      definitions.set(name, type.isSealed() ? family(type) : record(type));
    }
    return JSON.objectNode().put("$ref", "#/$defs/" + name);
  }

  private ObjectNode family(Class<?> type) {
    ObjectNode schema = JSON.objectNode();
    schema.put("type", "object");
    docs.of(type).ifPresent(text -> schema.put("description", text));
    ObjectNode properties = schema.putObject("properties");
    Variants.of(type)
        .forEach(
            (word, variant) -> {
              ObjectNode full = reference(variant);
              if (Variants.shortForm(variant).isPresent()) {
                properties
                    .putObject(word)
                    .putArray("anyOf")
                    .add(JSON.objectNode().put("type", "string"))
                    .add(full);
              } else {
                properties.set(word, full);
              }
            });
    return schema
        .put("additionalProperties", false)
        .put("minProperties", 1)
        .put("maxProperties", 1);
  }

  private ObjectNode record(Class<?> type) {
    ObjectNode schema = JSON.objectNode();
    schema.put("type", "object");
    docs.of(type).ifPresent(text -> schema.put("description", text));
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = JSON.arrayNode();
    for (RecordComponent component : type.getRecordComponents()) {
      ObjectNode property = type(component.getGenericType());
      docs.of(type, component).ifPresent(text -> property.put("description", text));
      otherwise(component).ifPresent(value -> property.set("default", value));
      properties.set(component.getName(), property);
      if (Variants.isRequired(component)) {
        required.add(component.getName());
      }
    }
    schema.put("additionalProperties", false);
    if (Presets.exist(type)) {
      ArrayNode names = properties.putObject(Presets.KEY).putArray("enum");
      Presets.names(type).forEach(names::add);
      ArrayNode ways = schema.putArray("anyOf");
      ways.addObject().putArray("required").add(Presets.KEY);
      ways.addObject().set("required", required);
    } else if (!required.isEmpty()) {
      schema.set("required", required);
    }
    return schema;
  }

  private static Optional<JsonNode> otherwise(RecordComponent component) {
    Default written = component.getAnnotation(Default.class);
    if (written == null) {
      return Optional.empty();
    }
    return Optional.of(
        written.value().equals("{}")
            ? JSON.objectNode() // that object's own defaults stand at its own definition
            : new ObjectMapper()
                .valueToTree(
                    Canonical.of(Binder.bindDefault(component.getGenericType(), written))));
  }
}
