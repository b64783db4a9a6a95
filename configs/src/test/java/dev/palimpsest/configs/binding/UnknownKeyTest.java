package dev.palimpsest.configs.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.configs.PipelineConfig;
import dev.palimpsest.configs.StageConfig;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnknownKeyTest {
  private static String suggestion(String key, Class<?> record) {
    List<String> known =
        Arrays.stream(record.getRecordComponents()).map(RecordComponent::getName).toList();
    return UnknownKey.suggestion(key, record, known).substring(2);
  }

  /** Names that people bring from transformers, Lightning, axolotl, timm and big_vision. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lr| did you mean 'optimizer.learningRate'?",
        "learning_rate| did you mean 'optimizer.learningRate'?",
        "batch_size| did you mean 'batchSize'?",
        "per_device_train_batch_size| did you mean 'microBatch'?",
        "gradientAccumulation| did you mean 'microBatch', of which a step adds up batchSize / microBatch?",
        "gradient_accumulation_steps| did you mean 'microBatch', of which a step adds up batchSize / microBatch?",
        "num_train_epochs| did you mean 'epochs'?",
        "max_steps| did you mean 'examples', which are steps times batchSize?",
        "warmup_steps| did you mean 'optimizer.schedule.KIND.warmupExamples', in examples?",
        "weight_decay| did you mean 'optimizer.weightDecay', which is not multiplied by the learning rate?",
        "max_grad_norm| did you mean 'optimizer.clipNorm'?",
        "beta1| did you mean 'optimizer.beta1'?",
        "bf16| did you mean 'precision'?",
        "max_seq_length| did you mean 'textTokens'?",
        "save_total_limit| did you mean 'checkpoint.keepLast'?",
        "eval_steps| did you mean 'evaluate.everyExamples'?",
        "early_stopping_patience| did you mean 'earlyStop'?",
        "freeze_vit| did you mean 'optimizer.groups.vision.frozen', or another group's?",
        "model_name_or_path| did you mean 'init.pretrained.model'?",
        "resume_from_checkpoint| did you mean 'init.checkpoint', which begins with a checkpoint of another run; a run is resumed by the same command?",
        "zero_stage| did you mean 'ranks.sharding'?",
        "batchSise| did you mean 'batchSize'?",
      })
  void namesOfOtherTrainersAreKnownInAStage(String theirs, String suggestion) {
    assertEquals(suggestion, suggestion(theirs, StageConfig.class));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "output_dir| there is no such setting: the option --out names the folder",
        "gradient_checkpointing| there is no such setting: blocks whose graphs do not fit into memory are computed again as it is",
        "report_to| there is no such setting: each stage has TensorBoard's files, and peers/track.py brings a run into other trackers",
      })
  void whatNeedsNoSettingIsSaid(String theirs, String suggestion) {
    assertEquals(suggestion, suggestion(theirs, StageConfig.class));
    assertEquals(suggestion, suggestion(theirs, PipelineConfig.class));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lr| did you mean 'stages.NAME.optimizer.learningRate'?",
        "precision| did you mean 'stages.NAME.precision'?",
        "bf16| did you mean 'stages.NAME.precision'?",
        "epochs| did you mean 'stages.NAME.epochs'?",
        "max_steps| did you mean 'stages.NAME.examples', which are steps times batchSize?",
        "fsdp| did you mean 'ranks.sharding'?",
        "train_file| did you mean 'tasks.NAME.source'?",
        "random_seed| did you mean 'seed'?",
        "mttf_hours| did you mean 'cluster.hoursToFailure'?",
      })
  void atTheTopOfARecipeTheyAreNamedWithTheirStage(String theirs, String suggestion) {
    assertEquals(suggestion, suggestion(theirs, PipelineConfig.class));
  }

  @Test
  void whatBelongsToTheWholeRecipeIsSentThere() {
    assertEquals(
        "it is a key of the whole recipe, beside 'stages'", suggestion("seed", StageConfig.class));
    assertEquals(
        "it is a key of the whole recipe, beside 'stages'",
        suggestion("cluster", StageConfig.class));
  }

  @Test
  void insideTheirRecordKeysAreNamedAlone() {
    assertEquals("did you mean 'learningRate'?", suggestion("lr", OptimizerConfig.class));
  }
}
