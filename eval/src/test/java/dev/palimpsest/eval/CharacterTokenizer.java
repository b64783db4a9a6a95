package dev.palimpsest.eval;

import dev.palimpsest.eval.decoding.TinyModel;
import dev.palimpsest.mixtures.text.Tokenizer;

/** One token a character of ASCII; what a drawn model says can be read back token by token. */
final class CharacterTokenizer implements Tokenizer {
  @Override
  public int[] encode(String text) {
    return text.chars().toArray();
  }

  @Override
  public String decode(int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      if (id == EOS) {
        break;
      }
      text.append((char) id);
    }
    return text.toString();
  }

  @Override
  public int vocabularySize() {
    return TinyModel.VOCABULARY;
  }
}
