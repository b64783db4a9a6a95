package dev.palimpsest.mixtures.playground;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The texts from which the vocabulary is learnt. They describe scenes that are drawn only for this
 * and are always the same, so that every playground has the same vocabulary, whatever its seed and
 * size.
 */
final class Corpus {
  private static final int SCENES = 200;

  private Corpus() {}

  static List<String> texts() {
    List<String> texts = new ArrayList<>();
    Random random = new Random(0);
    for (int i = 0; i < SCENES; i++) {
      Scene scene = Scene.random(random);
      texts.add("caption en");
      texts.add(scene.caption());
      for (Scene.Question question : scene.questions(random)) {
        texts.add("answer en " + question.text());
        texts.add(question.answer());
      }
      scene.figures().forEach(figure -> texts.add("detect " + figure.noun()));
      scene.figures().forEach(figure -> texts.add(scene.detections(figure)));
      texts.add("caption de");
      texts.add(scene.germanCaption());
      for (Scene.Question question : scene.questions(random)) {
        texts.add("answer en " + question.german());
        texts.add("question de " + question.answer());
        texts.add("question en " + question.answer());
        texts.add(question.german());
      }
      texts.add("Generate the alt_text in en at 3: <0>");
      scene.things().forEach(thing -> texts.add("segment " + thing.figure().noun() + " ; <1>"));
      texts.add("answer en What objects are in the image?");
      texts.add("answer en Is circle in the image? none");
      texts.add("answer en Which of circle, square are in the image?");
      texts.add("answer en How many triangle?");
      texts.add("caption and 0");
      texts.add("ocr");
      texts.addAll(Print.WORDS);
    }
    return texts;
  }
}
