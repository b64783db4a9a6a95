package dev.palimpsest.configs.binding;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.DocTree;
import com.sun.source.doctree.EndElementTree;
import com.sun.source.doctree.EntityTree;
import com.sun.source.doctree.LinkTree;
import com.sun.source.doctree.LiteralTree;
import com.sun.source.doctree.ParamTree;
import com.sun.source.doctree.StartElementTree;
import com.sun.source.doctree.TextTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.lang.model.element.Name;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * What the Javadoc of the records says of them and of their components, read from their sources by
 * the JDK's own compiler and turned into Markdown. The schema and the recipe reference are written
 * from it, so that the sentence beside the code is the one that users read.
 */
final class RecordDocs {
  /** By type ({@code SourceConfig.Tar}) or by type and member ({@code StageConfig#name}). */
  private final Map<String, List<? extends DocTree>> texts = new HashMap<>();

  private RecordDocs() {}

  /**
   * Reads a folder of sources.
   *
   * @param sources a folder with {@code .java} files, those in folders below included
   */
  static RecordDocs read(Path sources) throws IOException {
    RecordDocs docs = new RecordDocs();
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (Stream<Path> walk = Files.walk(sources);
        StandardJavaFileManager files =
            compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      List<Path> java = walk.filter(file -> file.toString().endsWith(".java")).sorted().toList();
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null, files, null, null, null, files.getJavaFileObjectsFromPaths(java));
      DocTrees trees = DocTrees.instance(task);
      for (CompilationUnitTree unit : task.parse()) {
        docs.new Types(trees).scan(unit, null);
      }
    }
    return docs;
  }

  /** What is said of a type. */
  Optional<String> of(Class<?> type) {
    return Optional.ofNullable(texts.get(key(type))).map(RecordDocs::markdown);
  }

  /**
   * What is said of a record's component, in one paragraph, and of the constants that it can have
   * where the component's own text does not name them. Components that all records of a sealed
   * family share may be described at the family's method.
   */
  Optional<String> of(Class<?> type, RecordComponent component) {
    String name = component.getName();
    return said(type, name)
        .or(
            () ->
                Arrays.stream(type.getInterfaces())
                    .flatMap(family -> said(family, name).stream())
                    .findFirst()
                    .map(sentence -> decapitalised(withoutFullStop(sentence))))
        .map(text -> text + constants(component.getGenericType(), text));
  }

  private Optional<String> said(Class<?> type, String member) {
    return Optional.ofNullable(texts.get(key(type) + "#" + member))
        .map(text -> markdown(text).replaceAll("\\s+", " "));
  }

  /** The meanings of an enum's constants, to follow a text that does not name them. */
  private String constants(Type type, String text) {
    Type value =
        type instanceof ParameterizedType generic
            ? generic.getActualTypeArguments()[generic.getActualTypeArguments().length - 1]
            : type;
    StringBuilder meanings = new StringBuilder();
    if (value instanceof Class<?> plain && plain.isEnum()) {
      for (Object constant : plain.getEnumConstants()) {
        String word = "`" + Scalars.word((Enum<?>) constant) + "`";
        if (text.contains(word)) {
          return "";
        }
        said(plain, ((Enum<?>) constant).name())
            .map(meaning -> decapitalised(withoutFullStop(meaning)))
            .ifPresent(meaning -> meanings.append(". " + word + ": " + meaning));
      }
    }
    return meanings.toString();
  }

  private static String withoutFullStop(String sentence) {
    return sentence.replaceAll("[.]$", "");
  }

  private static String key(Class<?> type) {
    Class<?> outer = type.getEnclosingClass();
    return outer == null ? type.getSimpleName() : key(outer) + "." + type.getSimpleName();
  }

  private final class Types extends TreePathScanner<@Nullable Void, @Nullable String> {
    private final DocTrees trees;

    Types(DocTrees trees) {
      this.trees = trees;
    }

    @Override
    public @Nullable Void visitClass(ClassTree type, @Nullable String outer) {
      String name = (outer == null ? "" : outer + ".") + type.getSimpleName();
      DocCommentTree comment = trees.getDocCommentTree(getCurrentPath());
      if (comment != null) {
        texts.put(name, comment.getFullBody());
        for (DocTree tag : comment.getBlockTags()) {
          if (tag instanceof ParamTree parameter && !parameter.isTypeParameter()) {
            texts.put(name + "#" + parameter.getName().getName(), parameter.getDescription());
          }
        }
      }
      return super.visitClass(type, name);
    }

    @Override
    public @Nullable Void visitMethod(MethodTree method, @Nullable String type) {
      return member(type, method.getName());
    }

    @Override
    public @Nullable Void visitVariable(VariableTree constant, @Nullable String type) {
      return member(type, constant.getName());
    }

    private @Nullable Void member(@Nullable String type, Name name) {
      DocCommentTree comment = trees.getDocCommentTree(getCurrentPath());
      if (comment != null) {
        texts.putIfAbsent(type + "#" + name, comment.getFullBody());
      }
      return null; // nothing inside has Javadoc that a user reads
    }
  }

  /** The key or the value that a link to a component, a constant or a variant stands for. */
  private static String asWritten(String signature) {
    String member = signature.substring(signature.indexOf('#') + 1);
    return member.equals(member.toUpperCase(Locale.ROOT))
        ? member.toLowerCase(Locale.ROOT)
        : decapitalised(member);
  }

  private static String decapitalised(String text) {
    return text.length() > 1 && Character.isUpperCase(text.charAt(1)) // an abbreviation
        ? text
        : text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
  }

  private static String markdown(List<? extends DocTree> trees) {
    StringBuilder text = new StringBuilder();
    boolean block = false;
    for (DocTree tree : trees) {
      if (tree instanceof TextTree plain) {
        text.append(block ? plain.getBody() : plain.getBody().replaceAll("\\s+", " "));
      } else if (tree instanceof LiteralTree literal) {
        String body = literal.getBody().getBody();
        if (block) {
          text.append(body.strip().replaceAll("\n ", "\n"));
        } else {
          text.append('`').append(body.replaceAll("\\s+", " ").strip()).append('`');
        }
      } else if (tree instanceof LinkTree link) {
        String signature = link.getReference().getSignature();
        text.append('`').append(asWritten(signature)).append('`');
      } else if (tree instanceof EntityTree entity) {
        text.append(
            switch (entity.getName().toString()) {
              case "lt" -> "<";
              case "gt" -> ">";
              case "amp" -> "&";
              default -> "&" + entity.getName() + ";";
            });
      } else if (tree instanceof StartElementTree start) {
        switch (start.getName().toString()) {
          case "p" -> text.append("\n\n");
          case "pre" -> {
            block = true;
            text.append("\n\n```\n");
          }
          case "em" -> text.append('*');
          default -> throw new IllegalStateException("no Markdown for <" + start.getName() + ">");
        }
      } else if (tree instanceof EndElementTree end) {
        if (end.getName().contentEquals("pre")) {
          block = false;
          text.append("\n```\n\n");
        } else if (end.getName().contentEquals("em")) {
          text.append('*');
        }
      } else {
        throw new IllegalStateException("no Markdown for " + tree.getKind() + ": " + tree);
      }
    }
    return text.toString()
        .replaceAll("(?m)[ \t]+$", "")
        .replaceAll("(?m)^ (?=\\S)", "")
        .replaceAll("\n{3,}", "\n\n")
        .strip();
  }
}
