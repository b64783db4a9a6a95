package dev.palimpsest.configs.checks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SuggestionTest {
  @ParameterizedTest
  @CsvSource({
    "kitten, sitting, 3",
    "'', abc, 3",
    "abc, abc, 0",
    "weigth, weight, 1",
    "flaw, lawn, 2",
  })
  void editsAreCounted(String a, String b, int distance) {
    assertEquals(distance, Suggestion.distance(a, b));
    assertEquals(distance, Suggestion.distance(b, a));
  }

  @Test
  void caseAloneIsASlip() {
    assertEquals(
        Optional.of("learningRate"),
        Suggestion.nearest("LEARNINGRATE", List.of("learningRate", "beta1")));
  }

  @Test
  void nothingIsSuggestedWhenNothingIsNear() {
    assertEquals(
        "; known are beta1, beta2", Suggestion.among("epsilon", List.of("beta1", "beta2")));
    assertEquals("; there are none", Suggestion.among("a", List.of()));
  }

  /** Names that people bring from transformers, Lightning, axolotl, timm and big_vision. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "lr; did you mean 'optimizer.learningRate'?",
        "learning_rate; did you mean 'optimizer.learningRate'?",
        "batch_size; did you mean 'batchSize'?",
        "per_device_train_batch_size; did you mean 'microBatch'?",
        "gradientAccumulation; did you mean 'microBatch', of which a step adds up batchSize / microBatch?",
        "gradient_accumulation_steps; did you mean 'microBatch', of which a step adds up batchSize / microBatch?",
        "num_train_epochs; did you mean 'epochs'?",
        "max_steps; did you mean 'examples', which are steps times batchSize?",
        "warmup_steps; did you mean 'optimizer.schedule.KIND.warmupExamples', in examples?",
        "weight_decay; did you mean 'optimizer.weightDecay', which is not multiplied by the learning rate?",
        "max_grad_norm; did you mean 'optimizer.clipNorm'?",
        "bf16; did you mean 'precision'?",
        "max_seq_length; did you mean 'textTokens'?",
        "save_total_limit; did you mean 'checkpoint.keepLast'?",
        "eval_steps; did you mean 'evaluate.everyExamples'?",
        "early_stopping_patience; did you mean 'earlyStop'?",
        "freeze_vit; did you mean 'optimizer.groups.vision.frozen', or another group's?",
        "batchSise; did you mean 'batchSize'?",
      })
  void namesOfOtherTrainersAreKnown(String theirs, String suggestion) {
    List<String> known = List.of("name", "batchSize", "microBatch", "precision", "textTokens");
    assertEquals("; " + suggestion, Suggestion.key(theirs, known));
  }

  @Test
  void insideTheirRecordKeysAreNamedAlone() {
    assertEquals(
        "; did you mean 'learningRate'?", Suggestion.key("lr", List.of("learningRate", "beta1")));
  }
}
