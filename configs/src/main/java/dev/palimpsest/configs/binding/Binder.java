package dev.palimpsest.configs.binding;

import dev.palimpsest.configs.checks.Default;
import dev.palimpsest.configs.checks.InvalidConfigException;
import dev.palimpsest.configs.checks.Place;
import dev.palimpsest.configs.checks.Problem;
import dev.palimpsest.configs.checks.Suggestion;
import dev.palimpsest.configs.checks.Variants;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Binds YAML to records. It continues after a mistake, so that one pass finds all of them, and
 * converts nothing silently: a string is not a number, {@code no} is not a string, {@code 0123} is
 * neither.
 *
 * <p>A value that cannot be created is {@code null} here, with a {@link Problem} reported; what
 * depends on it is still checked as far as possible.
 */
final class Binder {
  private final Scalars scalars;
  private final List<Problem> problems;
  private final Map<String, Place> places = new HashMap<>();
  private final Map<String, Object> values = new HashMap<>();

  Binder(Variables variables, List<Problem> problems) {
    this.scalars = new Scalars(variables, this::problem);
    this.problems = problems;
  }

  /** Binds a value that is known to be right. */
  static <T> T bindAlone(Class<T> type, Node node) {
    return type.cast(bindAlone((Type) type, node));
  }

  /** The value of a default. */
  static Object bindDefault(Type type, Default written) {
    List<Problem> problems = new ArrayList<>();
    Node node = YamlReader.value(written.value(), Place.all("@Default"), problems);
    return bindAlone(type, Objects.requireNonNull(node, problems::toString));
  }

  private static Object bindAlone(Type type, Node node) {
    List<Problem> problems = new ArrayList<>();
    Object value = new Binder(new Variables(Map.of(), Map.of()), problems).bind(type, node, "");
    if (!problems.isEmpty()) {
      throw new InvalidConfigException(problems);
    }
    return Objects.requireNonNull(value);
  }

  /** The value bound at a path, defaults included; empty if absent or wrong. */
  <T> Optional<T> value(String path, Class<T> type) {
    return Optional.ofNullable(values.get(path)).map(type::cast);
  }

  /** Paths of the members of the list at a path, including wrong ones. */
  List<String> members(String list) {
    List<String> paths = new ArrayList<>();
    while (places.containsKey(Paths.index(list, paths.size()))) {
      paths.add(Paths.index(list, paths.size()));
    }
    return paths;
  }

  /** Reports a mistake at the path's place, or at that of its nearest parent that has one. */
  void problem(String path, String message) {
    Place place = null;
    for (String at = path; place == null; at = Paths.parent(at)) {
      place = places.get(at);
      if (at.isEmpty()) {
        break;
      }
    }
    problems.add(new Problem(path, message, place));
  }

  /**
   * Binds one value.
   *
   * @return null when it, or something in it, is wrong
   */
  @Nullable Object bind(Type type, Node node, String path) {
    places.putIfAbsent(path, node.at());
    Object value = convert(type, node, path);
    if (value != null) {
      values.put(path, value);
    }
    return value;
  }

  private @Nullable Object convert(Type type, Node node, String path) {
    if (type instanceof ParameterizedType generic) {
      Type[] arguments = generic.getActualTypeArguments();
      Class<?> raw = (Class<?>) generic.getRawType();
      return raw == Map.class ? map(arguments[1], node, path) : list(raw, arguments[0], node, path);
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isSealed()) {
      return variant(plain, node, path);
    }
    if (plain.isRecord()) {
      return record(plain, node, path);
    }
    return scalars.read(plain, node, path);
  }

  // ---- records -----------------------------------------------------------------------------

  private @Nullable Object record(Class<?> type, Node node, String path) {
    if (!(node instanceof Node.Mapping written)) {
      expected(path, "a mapping", node);
      return null;
    }
    RecordComponent[] components = type.getRecordComponents();
    List<String> known = new ArrayList<>();
    Arrays.stream(components).map(RecordComponent::getName).forEach(known::add);

    Node.Mapping mapping = written;
    boolean complete = true; // whether what is missing is the recipe's fault
    if (Presets.exist(type)) {
      known.add(Presets.KEY);
      Node.Entry preset = written.entries().get(Presets.KEY);
      if (preset != null) {
        Optional<Node.Mapping> values = preset(type, preset, Paths.key(path, Presets.KEY));
        complete = values.isPresent();
        mapping = written.over(values.orElse(written));
      }
    }
    for (String key : written.entries().keySet()) {
      if (!known.contains(key)) {
        String at = Paths.key(path, key);
        places.put(at, written.entries().get(key).keyAt());
        problem(at, "unknown key '" + key + "'" + UnknownKey.suggestion(key, type, known));
      }
    }

    Set<String> failed = new HashSet<>();
    @Nullable Object[] arguments = new @Nullable Object[components.length];
    for (int i = 0; i < components.length; i++) {
      RecordComponent component = components[i];
      Object value = component(component, mapping, complete, path);
      if (value == null && !isAbsent(component, mapping)) {
        failed.add(component.getName());
        value = standIn(component);
      }
      arguments[i] = value;
    }
    Object made = make(type, arguments, path, failed);
    return failed.isEmpty() ? made : null;
  }

  private @Nullable Object component(
      RecordComponent component, Node.Mapping mapping, boolean complete, String parent) {
    String path = Paths.key(parent, component.getName());
    Node.Entry entry = mapping.entries().get(component.getName());
    Default otherwise = component.getAnnotation(Default.class);
    if (entry != null && !(entry.value().isNull() && Variants.isNullable(component))) {
      places.put(path, entry.at());
      if (entry.value().isNull() && otherwise != null) {
        problem(path, "has no value; leave the key out for the default, " + otherwise.value());
        return null;
      }
      return bind(component.getGenericType(), entry.value(), path);
    }
    if (otherwise != null) {
      Place place = Place.all("the default of " + path);
      Node node = Objects.requireNonNull(YamlReader.value(otherwise.value(), place, problems));
      Object value = convert(component.getGenericType(), node, path);
      values.put(path, Objects.requireNonNull(value));
      return value;
    }
    if (!Variants.isNullable(component) && complete) {
      problem(path, "is required, but missing");
    }
    return null;
  }

  private static boolean isAbsent(RecordComponent component, Node.Mapping mapping) {
    Node.Entry entry = mapping.entries().get(component.getName());
    return Variants.isNullable(component) && (entry == null || entry.value().isNull());
  }

  private Optional<Node.Mapping> preset(Class<?> type, Node.Entry chosen, String path) {
    places.put(path, chosen.at());
    String name = scalars.string(chosen.value(), path);
    if (name == null) {
      return Optional.empty();
    }
    Set<String> names = Presets.names(type);
    if (!names.contains(name)) {
      problem(path, "unknown preset '" + name + "'" + Suggestion.among(name, names));
      return Optional.empty();
    }
    return Optional.of(Presets.values(type, name));
  }

  /**
   * Calls the canonical constructor and records its objections. If some values are already known to
   * be wrong, it is called with stand-ins, only to find further mistakes.
   */
  private @Nullable Object make(
      Class<?> type, @Nullable Object[] arguments, String path, Set<String> failed) {
    try {
      Class<?>[] types =
          Arrays.stream(type.getRecordComponents())
              .map(RecordComponent::getType)
              .toArray(Class<?>[]::new);
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (!(e.getCause() instanceof InvalidConfigException invalid)) {
        throw new IllegalStateException(type.getName() + " at " + path, e.getCause());
      }
      for (Problem found : invalid.problems()) {
        if (!failed.contains(found.path().split("[.\\[]", 2)[0])) {
          problem(found.under(path).path(), found.message());
        }
      }
      return null;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type.getName() + " at " + path, e);
    }
  }

  /** A value to which no record's range check relates another component. */
  private static @Nullable Object standIn(RecordComponent component) {
    Class<?> type = component.getType();
    if (type == int.class) {
      return 0;
    } else if (type == long.class) {
      return 0L;
    } else if (type == double.class) {
      return 0.0;
    } else if (type == boolean.class) {
      return false;
    } else if (type == String.class) {
      return "";
    } else if (type == List.class) {
      return List.of();
    } else if (type == Set.class) {
      return Set.of();
    } else if (type == Map.class) {
      return Map.of();
    }
    return null;
  }

  // ---- sealed families ---------------------------------------------------------------------

  private @Nullable Object variant(Class<?> family, Node node, String path) {
    Map<String, Class<?>> variants = Variants.of(family);
    String choice = "one of " + String.join(", ", variants.keySet());
    if (!(node instanceof Node.Mapping mapping)) {
      String form = "{" + variants.keySet().iterator().next() + ": ...}";
      if (node instanceof Node.Scalar scalar && variants.containsKey(scalar.text())) {
        form = "{" + scalar.text() + ": {...}}";
      }
      expected(path, "a mapping whose key is " + choice + ", as in " + form, node);
      return null;
    }
    for (Map.Entry<String, Node.Entry> entry : mapping.entries().entrySet()) {
      if (!variants.containsKey(entry.getKey())) {
        String at = Paths.key(path, entry.getKey());
        places.put(at, entry.getValue().keyAt());
        problem(
            at,
            "unknown kind '"
                + entry.getKey()
                + "'"
                + Suggestion.among(entry.getKey(), variants.keySet()));
        return null;
      }
    }
    if (mapping.entries().size() != 1) {
      problem(
          path,
          "must be exactly "
              + choice
              + ", got "
              + (mapping.entries().isEmpty()
                  ? "none"
                  : String.join(" and ", mapping.entries().keySet())));
      return null;
    }
    Map.Entry<String, Node.Entry> only = mapping.entries().entrySet().iterator().next();
    Class<?> type = Objects.requireNonNull(variants.get(only.getKey()));
    String at = Paths.key(path, only.getKey());
    places.put(at, only.getValue().at());
    Node value = only.getValue().value();
    Optional<String> shortForm = Variants.shortForm(type);
    if (shortForm.isPresent() && value instanceof Node.Scalar && !value.isNull()) {
      String text =
          scalars.string(value, at); // here, so that a mistake has the path that was written
      return text == null
          ? null
          : bind(
              type,
              new Node.Mapping(
                  Map.of(
                      shortForm.get(),
                      new Node.Entry(
                          value.at(),
                          new Node.Scalar(Variables.escape(text), Node.Kind.STRING, value.at()))),
                  value.at()),
              at);
    }
    return bind(type, value, at);
  }

  // ---- lists and maps ----------------------------------------------------------------------

  private @Nullable Object list(Class<?> raw, Type member, Node node, String path) {
    if (!(node instanceof Node.Sequence sequence)) {
      expected(path, "a list", node);
      return null;
    }
    Collection<Object> members = raw == Set.class ? new LinkedHashSet<>() : new ArrayList<>();
    boolean complete = true;
    for (int i = 0; i < sequence.members().size(); i++) {
      String at = Paths.index(path, i);
      Object value = bind(member, sequence.members().get(i), at);
      if (value == null) {
        complete = false;
      } else if (!members.add(value)) {
        problem(at, "occurs twice in the list");
        complete = false;
      }
    }
    return complete ? members : null;
  }

  private @Nullable Object map(Type value, Node node, String path) {
    if (!(node instanceof Node.Mapping mapping)) {
      expected(path, "a mapping of names, as in {NAME: ...}", node);
      return null;
    }
    Map<String, Object> members = new LinkedHashMap<>();
    mapping
        .entries()
        .forEach(
            (name, entry) -> {
              String at = Paths.key(path, name);
              places.put(at, entry.at());
              Object bound = bind(value, entry.value(), at);
              if (bound != null) {
                members.put(name, bound);
              }
            });
    return members.size() == mapping.entries().size() ? members : null;
  }

  private void expected(String path, String wanted, Node node) {
    problem(path, "must be " + wanted + ", got " + node.describe());
  }
}
