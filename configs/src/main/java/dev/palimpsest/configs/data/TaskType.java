package dev.palimpsest.configs.data;

import dev.palimpsest.configs.checks.Check;
import dev.palimpsest.configs.checks.Default;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How a row of a source becomes prompt and target: PaliGemma's pretraining tasks (section 3.2.5 of
 * its paper), two of PaLI's, and prompts and targets that the data already contains. Each type
 * documents the fields that it reads of a row, with an example; a recipe says under {@code fields}
 * where a source has other names for them.
 *
 * <p>Boxes are {@code [ymin, xmin, ymax, xmax]}, shares of the picture's height and width. Where a
 * type says <em>by language</em>, a field is either a text or a list of texts, in the language that
 * the row's {@code language} names, or an object with one of these for each language: {@code {"en":
 * ["a cow"], "de": "eine Kuh"}}. Of the languages of a row, one is drawn by the weights of {@code
 * languages}; without weights, all of them are equally likely. A row with nothing in a weighted
 * language is bad.
 *
 * <p>A row without a picture is bad, except for {@code prefixSuffix} and {@code spanCorruption}.
 */
public sealed interface TaskType {
  /** Weights are relative; sums of larger ones would lose the small. */
  double MOST_WEIGHT = 1e9;

  /** Names of the fields that the type reads, apart from pictures. */
  List<String> fields();

  /** Whether the type needs a picture, so that a row without one is bad. */
  default boolean readsPictures() {
    return true;
  }

  /**
   * The same type without file paths, for identities: a file's contents affect the examples, its
   * location does not.
   */
  default TaskType withoutPaths() {
    return this;
  }

  /** Exhaustive choice by kind. */
  <R> R match(Cases<R> cases);

  /** A function for each type. */
  interface Cases<R> {
    /** Prompt and target as given. */
    R prefixSuffix(PrefixSuffix type);

    /** Captions. */
    R caption(Caption type);

    /** Second parts of captions. */
    R splitCaption(SplitCaption type);

    /** Captions of regions. */
    R groundedCaption(GroundedCaption type);

    /** Text in pictures. */
    R ocr(Ocr type);

    /** Answers to questions. */
    R answer(Answer type);

    /** Questions to answers. */
    R question(Question type);

    /** Answers by rule about objects. */
    R objectQuestions(ObjectQuestions type);

    /** Boxes of objects. */
    R detect(Detect type);

    /** Masks of objects. */
    R segment(Segment type);

    /** Gaps in texts. */
    R spanCorruption(SpanCorruption type);
  }

  /** Which things that are not in a picture may be asked for: hard negatives. */
  enum Negatives {
    /**
     * Labels in the row's field {@code absent} if it has that field; otherwise labels that often
     * occur together with the row's own in other rows. The latter is correct only if every object
     * of a known label is annotated.
     */
    ANY,
    /** Only labels in the row's field {@code absent}. */
    VERIFIED,
    /** None. */
    NONE
  }

  /**
   * The row contains the prompt and the target, as in PaliGemma's published fine-tuning format.
   *
   * <pre>{@code {"image": "1.jpg", "prefix": "caption en", "suffix": ["a cow", "a brown cow"]}}
   * </pre>
   *
   * {@code prefix} may be absent, which means empty. {@code suffix} is a text or a list of accepted
   * texts; each epoch trains on a different one. Rows without a picture give text-only examples.
   */
  record PrefixSuffix() implements TaskType {
    @Override
    public List<String> fields() {
      return List.of("prefix", "suffix");
    }

    @Override
    public boolean readsPictures() {
      return false;
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.prefixSuffix(this);
    }
  }

  /**
   * {@code caption {lang}}, then a caption.
   *
   * <pre>{@code
   * {"image": "139.jpg", "captions": ["a room with chairs and a table", "a living room"]}
   * {"image": "7.jpg", "captions": {"en": "a cow", "de": "eine Kuh"}}
   * {"image": "9.jpg", "captions": "un chat", "language": "fr"}
   * prompt: caption en
   * target: a living room
   * }</pre>
   *
   * @param language the language of rows that do not name one
   * @param languages sampling weights by language; if empty, all languages are equally likely
   */
  record Caption(@Default("en") String language, @Default("{}") Map<String, Double> languages)
      implements TaskType {
    /** Checks the weights of languages. */
    public Caption {
      languages = weights(languages);
    }

    @Override
    public List<String> fields() {
      return List.of("captions", "language");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.caption(this);
    }
  }

  /**
   * PaLI's split captioning: the beginning of the caption is in the prompt, the rest is the target.
   *
   * <pre>{@code
   * {"image": "139.jpg", "captions": "a room with chairs and a table", "language": "en"}
   * prompt: Generate the alt_text in en at 3: a room with chairs <extra_id_0>
   * target: and a table
   * }</pre>
   *
   * The number in the prompt is the number of words in the target. For captions of one word, the
   * whole caption is the target.
   *
   * @param language the language of rows that do not name one
   * @param languages sampling weights by language; if empty, all languages are equally likely
   * @param sentinel placeholder for the missing part; {@code {n}} is replaced by its number. Gemma
   *     has no single token for T5's {@code <extra_id_0>}, which is split into several; {@code
   *     <unused{n}>} is a single token
   */
  record SplitCaption(
      @Default("en") String language,
      @Default("{}") Map<String, Double> languages,
      @Default("'<extra_id_{n}>'") String sentinel)
      implements TaskType {
    /** Checks the weights of languages. */
    public SplitCaption {
      languages = weights(languages);
    }

    @Override
    public List<String> fields() {
      return List.of("captions", "language");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.splitCaption(this);
    }
  }

  /**
   * {@code caption} and four location tokens, then a caption of what is inside that box.
   *
   * <pre>{@code
   * {"image": "1.jpg", "regions": [{"box": [0.2, 0.1, 0.8, 0.5], "caption": "a man in a red hat"}]}
   * prompt: caption <loc0205><loc0102><loc0818><loc0512>
   * target: a man in a red hat
   * }</pre>
   *
   * Each epoch uses a different region of the row.
   *
   * @param box how the region is shown: {@code tokens}, as above, or {@code pixels}, as a red frame
   *     of one pixel in the picture, with the prompt {@code caption} (the paper, appendix F)
   */
  record GroundedCaption(@Default("tokens") Box box) implements TaskType {
    /** How a region is shown. */
    public enum Box {
      /** By four location tokens of the prompt. */
      TOKENS,
      /** By a frame in the picture. */
      PIXELS
    }

    @Override
    public List<String> fields() {
      return List.of("regions");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.groundedCaption(this);
    }
  }

  /**
   * {@code ocr}, then the texts in raster order, joined by spaces: line by line from the top, and
   * from the left within a line. A text belongs to a line if its vertical middle is between the top
   * and the bottom of the line's first text.
   *
   * <pre>{@code
   * {"image": "sign.jpg", "texts": [{"text": "STOP", "box": [0.1, 0.3, 0.3, 0.7]},
   *                                 {"text": "ALL WAY", "box": [0.6, 0.3, 0.7, 0.7]}]}
   * prompt: ocr
   * target: STOP ALL WAY
   * }</pre>
   *
   * Texts without boxes ({@code "texts": ["STOP", "ALL WAY"]}) keep their order.
   *
   * @param all true: every text is included, and the target is truncated if it is too long, as in
   *     stage 2. False: texts are skipped at random until the others fit, so that texts at the
   *     bottom are included as often as those at the top; if not even one text fits by itself, one
   *     is used and truncated. Scoring always uses all texts
   */
  record Ocr(@Default("false") boolean all) implements TaskType {
    @Override
    public List<String> fields() {
      return List.of("texts");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.ocr(this);
    }
  }

  /**
   * {@code answer en {question}}, then an answer.
   *
   * <pre>{@code
   * {"image": "5.jpg", "question": "What sport is this?", "answers": ["tennis", "lawn tennis"]}
   * {"image": "6.jpg", "question": {"en": "What is red?", "fr": "Qu'est-ce qui est rouge ?"},
   *  "answers": "the hat"}
   * prompt: answer en What sport is this?
   * target: tennis
   * }</pre>
   *
   * {@code question} may be given by language; a list is one question in several wordings.
   *
   * @param language the language of the answers
   * @param languages sampling weights by the question's language; if empty, all languages are
   *     equally likely
   */
  record Answer(@Default("en") String language, @Default("{}") Map<String, Double> languages)
      implements TaskType {
    /** Checks the weights of languages. */
    public Answer {
      languages = weights(languages);
    }

    @Override
    public List<String> fields() {
      return List.of("question", "answers", "language");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.answer(this);
    }
  }

  /**
   * {@code question {lang} {answer}}, then a question in that language to which the English answer
   * is correct. The fields are those of {@link Answer}.
   *
   * <pre>{@code
   * {"image": "6.jpg", "question": {"fr": "Qu'est-ce qui est rouge ?"}, "answers": "the hat"}
   * prompt: question fr the hat
   * target: Qu'est-ce qui est rouge ?
   * }</pre>
   *
   * @param language the questions' language in rows that do not name one
   * @param languages sampling weights by the question's language; if empty, all languages are
   *     equally likely
   */
  record Question(@Default("en") String language, @Default("{}") Map<String, Double> languages)
      implements TaskType {
    /** Checks the weights of languages. */
    public Question {
      languages = weights(languages);
    }

    @Override
    public List<String> fields() {
      return List.of("question", "answers", "language");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.question(this);
    }
  }

  /**
   * Questions generated by rule from annotated objects, in four forms.
   *
   * <pre>{@code
   * {"image": "0a.jpg", "objects": [{"label": "dog", "box": [0.2, 0.1, 0.9, 0.5]},
   *                                 {"label": "dog", "box": [0.3, 0.6, 0.9, 0.9]},
   *                                 {"label": "ball", "box": [0.8, 0.5, 0.9, 0.6]}],
   *  "absent": ["cat"]}
   * answer en What objects are in the image?                 dog, ball
   * answer en Is cat in the image?                           no
   * answer en Which of ball, cat, dog are in the image?      ball, dog
   * answer en How many dog?                                  2
   * }</pre>
   *
   * Half of the presence questions, and about half of the things in a subset question, ask for
   * things that are absent, if the row allows it; scoring alternates between present and absent
   * things. Each label is listed once; the answer is {@code none} if there is nothing to list.
   * Labels of objects with {@code "iscrowd": 1} are present but never counted.
   *
   * @param list weight of the first form: list all objects
   * @param presence weight of the second form: whether a thing is present
   * @param subset weight of the third form: which of several things are present
   * @param counting weight of the fourth form: how many there are
   * @param subsetThings the most things named in a question of the third form
   * @param negatives which absent things may be asked for
   */
  record ObjectQuestions(
      @Default("1") double list,
      @Default("1") double presence,
      @Default("1") double subset,
      @Default("1") double counting,
      @Default("4") int subsetThings,
      @Default("any") Negatives negatives)
      implements TaskType {
    /** Checks the weights, and the number of things. */
    public ObjectQuestions {
      new Check()
          .range("list", list, 0, MOST_WEIGHT)
          .range("presence", presence, 0, MOST_WEIGHT)
          .range("subset", subset, 0, MOST_WEIGHT)
          .range("counting", counting, 0, MOST_WEIGHT)
          .that(
              list + presence + subset + counting > 0,
              "",
              "must give at least one form a weight above 0")
          .range("subsetThings", subsetThings, 2, 1000, "things")
          .done();
    }

    @Override
    public List<String> fields() {
      return List.of("objects", "absent");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.objectQuestions(this);
    }
  }

  /**
   * {@code detect {thing} ; {thing}}, then the boxes of all objects with these labels.
   *
   * <pre>{@code
   * {"image": "0a.jpg", "objects": [{"label": "dog", "box": [0.2, 0.1, 0.9, 0.5]},
   *                                 {"label": "ball", "box": [0.8, 0.5, 0.9, 0.6]}],
   *  "absent": ["cat"]}
   * prompt: detect ball ; cat ; dog
   * target: <loc0205><loc0102><loc0921><loc0512> dog ; <loc0818><loc0512><loc0921><loc0614> ball
   * }</pre>
   *
   * Things and objects are in random order. Things are left out until the target fits; if a single
   * thing still does not fit, some of its objects are left out. Things with an object marked {@code
   * "iscrowd": 1} are left out. Scoring asks for everything annotated, in the order of the
   * annotation.
   *
   * @param things the most things to ask for
   * @param all whether to ask for everything annotated, as in stage 2, ignoring {@code things}
   * @param absentShare probability that an absent thing is asked for as well, [0, 1)
   * @param negatives which absent things may be asked for
   */
  record Detect(
      @Default("4") int things,
      @Default("false") boolean all,
      @Default("0.2") double absentShare,
      @Default("any") Negatives negatives)
      implements TaskType {
    /** Checks the number of things and the share of absent ones. */
    public Detect {
      new Check()
          .range("things", things, 1, 1000, "things")
          .within("absentShare", absentShare, 0, 1)
          .done();
    }

    @Override
    public List<String> fields() {
      return List.of("objects", "absent");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.detect(this);
    }
  }

  /**
   * {@code segment {thing} ; {thing}}, then boxes and masks of all objects with these labels: as
   * {@link Detect}, with sixteen segmentation tokens after each box. A thing is not asked for if
   * one of its objects has no mask.
   *
   * <pre>{@code
   * {"image": "0a.jpg", "height": 480, "width": 640, "objects": [
   *   {"label": "dog", "box": [0.2, 0.1, 0.9, 0.5], "segmentation": [[64, 96, 320, 96, 200, 432]]}]}
   * prompt: segment dog
   * target: <loc0205><loc0102><loc0921><loc0512><seg042>...<seg064> dog
   * }</pre>
   *
   * {@code segmentation} is in COCO's format: polygons in pixels, or run lengths {@code {"size":
   * [480, 640], "counts": ...}}, compressed (a text) or not (a list).
   *
   * @param vae the mask codec's weights, {@code vae-oid.npz}
   * @param things the most things to ask for
   * @param all whether to ask for everything annotated, as in stage 2, ignoring {@code things}
   * @param absentShare probability that an absent thing is asked for as well, [0, 1)
   * @param negatives which absent things may be asked for
   */
  record Segment(
      String vae,
      @Default("4") int things,
      @Default("false") boolean all,
      @Default("0.2") double absentShare,
      @Default("any") Negatives negatives)
      implements TaskType {
    /** Checks the number of things and the share of absent ones. */
    public Segment {
      new Check()
          .range("things", things, 1, 1000, "things")
          .within("absentShare", absentShare, 0, 1)
          .done();
    }

    @Override
    public TaskType withoutPaths() {
      return new Segment("", things, all, absentShare, negatives);
    }

    @Override
    public List<String> fields() {
      return List.of("objects", "absent", "height", "width");
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.segment(this);
    }
  }

  /**
   * T5's span corruption as PaLI uses it, on text without a picture: spans of words are removed and
   * become the target. Pictures of the row are ignored. From a text that is too long, a random
   * window is used.
   *
   * <pre>{@code
   * {"text": "Thank you for inviting me to your party last week."}
   * prompt: Thank you <extra_id_0> me to your party <extra_id_1> week.
   * target: <extra_id_0> for inviting <extra_id_1> last <extra_id_2>
   * }</pre>
   *
   * @param share the share of the words that are removed, (0, 1)
   * @param meanLength the mean length of a span, in words
   * @param sentinel placeholder for a span; {@code {n}} is replaced by its number, as in {@link
   *     SplitCaption}
   */
  record SpanCorruption(
      @Default("0.15") double share,
      @Default("3") double meanLength,
      @Default("'<extra_id_{n}>'") String sentinel)
      implements TaskType {
    /** Checks the share and the mean length. */
    public SpanCorruption {
      new Check()
          .that(share > 0 && share < 1, "share", "must be above 0 and below 1, got %s", share)
          .range("meanLength", meanLength, 1, 1000)
          .done();
    }

    @Override
    public List<String> fields() {
      return List.of("text");
    }

    @Override
    public boolean readsPictures() {
      return false;
    }

    @Override
    public <R> R match(Cases<R> cases) {
      return cases.spanCorruption(this);
    }
  }

  private static Map<String, Double> weights(Map<String, Double> languages) {
    Check check = new Check();
    languages.forEach((name, weight) -> check.range("languages." + name, weight, 0, MOST_WEIGHT));
    check
        .that(
            languages.isEmpty() || languages.values().stream().anyMatch(weight -> weight > 0),
            "languages",
            "must give at least one language a weight above 0")
        .done();
    return Collections.unmodifiableMap(new TreeMap<>(languages));
  }
}
