package dev.palimpsest.configs.checks;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What other trainers call the settings of a recipe: the names of transformers, PyTorch Lightning,
 * timm, axolotl, big_vision and their like, which people bring with them.
 */
public final class ForeignNames {
  private static final Map<String, Ours> OURS = new HashMap<>();

  /**
   * What a recipe has in place of another trainer's setting.
   *
   * @param key in a stage, or from the top of the recipe; empty if nothing needs to be set
   * @param help a word of help, or why nothing needs to be set; may be empty otherwise
   */
  public record Ours(String key, String help) {}

  static {
    put("optimizer.learningRate", "lr learning_rate base_lr peak_lr max_lr");
    put("batchSize", "batch_size train_batch_size global_batch_size total_batch_size bs");
    put(
        "microBatch",
        "micro_batch_size per_device_train_batch_size per_device_batch_size"
            + " train_micro_batch_size_per_gpu device_batch_size");
    put(
        "microBatch",
        "of which a step adds up batchSize / microBatch",
        "gradient_accumulation gradient_accumulation_steps accumulate_grad_batches grad_accum"
            + " grad_accum_steps accum_freq");
    put("epochs", "num_train_epochs num_epochs max_epochs total_epochs n_epochs");
    put(
        "examples",
        "which are steps times batchSize",
        "max_steps total_steps num_steps train_steps num_train_steps max_train_steps steps"
            + " iterations max_iters train_iters num_iterations total_examples num_examples");
    put(
        "optimizer.schedule.KIND.warmupExamples",
        "in examples",
        "warmup warmup_steps warmup_ratio warmup_percent warmup_epochs warmup_examples"
            + " lr_warmup_steps num_warmup_steps");
    put(
        "optimizer.schedule.KIND.cooldownExamples",
        "in examples",
        "cooldown cooldown_steps decay_steps cooldown_examples");
    put(
        "optimizer.schedule",
        "lr_scheduler lr_scheduler_type scheduler lr_schedule learning_rate_schedule");
    put("optimizer.weightDecay", "which is not multiplied by the learning rate", "weight_decay wd");
    put("optimizer.clipNorm", "max_grad_norm grad_clip grad_clip_norm gradient_clip_val clip_grad");
    put("optimizer.beta1", "adam_beta1 beta1 b1");
    put("optimizer.beta2", "adam_beta2 beta2 b2");
    put("optimizer.epsilon", "adam_epsilon epsilon eps");
    put("optimizer", "optim optimizer_type");
    put("precision", "bf16 fp16 fp32 tf32 dtype torch_dtype mixed_precision amp half_precision");
    put("textTokens", "max_length max_seq_length max_seq_len seq_len seqlen text_len cutoff_len");
    put("resolution", "image_size img_size res input_size image_resolution");
    put("labelSmoothing", "label_smoothing label_smoothing_factor");
    put("dropout", "llm_dropout hidden_dropout attention_dropout");
    put("packTo", "packing sample_packing pack_sequences neat_packing");
    put("checkpoint.everyExamples", "save_steps save_every save_interval ckpt_steps ckpt_interval");
    put("checkpoint.keepLast", "save_total_limit keep_last keep_checkpoints max_to_keep");
    put(
        "checkpoint.best",
        "load_best_model_at_end metric_for_best_model save_best save_top_k monitor");
    put(
        "evaluate.everyExamples",
        "eval_steps eval_every eval_interval evaluation_strategy eval_strategy val_check_interval");
    put("evaluate.batchSize", "eval_batch_size per_device_eval_batch_size val_batch_size");
    put("earlyStop", "early_stopping early_stopping_patience patience");
    put(
        "logEveryExamples",
        "logging_steps log_training_steps log_every log_interval log_steps log_every_n_steps");
    put("seed", "random_seed data_seed");
    put(
        "tasks.NAME.source",
        "dataset datasets train_file train_files data_path dataset_name train_data data");
    put(
        "mixture",
        "data_mix data_mixture dataset_weights mixing_weights mixture_weights sampling_weights");
    put(
        "init.pretrained.model",
        "model_name model_name_or_path pretrained pretrained_model model_init base_model"
            + " model_path");
    put(
        "init.checkpoint",
        "which begins with a checkpoint of another run; a run is resumed by the same command",
        "resume resume_from resume_from_checkpoint init_from load");
    put(
        "optimizer.groups.vision.frozen",
        "or another group's",
        "freeze frozen freeze_vit freeze_vision freeze_vision_tower freeze_llm"
            + " freeze_language_model freeze_backbone trainable lr_mults");
    needless(
        "the option --out names the folder",
        "output_dir out_dir save_dir workdir work_dir logging_dir");
    put("export.formats", "export_format save_format");
    put("image.augment", "augmentation augmentations random_crop");
    put(
        "ranks.sharding",
        "deepspeed fsdp fsdp_config zero_stage zero_optimization sharding_strategy");
    put("cluster.hoursToFailure", "mttf mttf_hours mtbf mtbf_hours");
    put("threads", "num_threads");
    put("tokenizer.path", "tokenizer_name tokenizer_path tokenizer_name_or_path");
    put("name", "run_name experiment_name exp_name");
    needless(
        "blocks whose graphs do not fit into memory are computed again as it is",
        "gradient_checkpointing activation_checkpointing remat remat_policy");
    needless(
        "the processors that do not compute read pictures",
        "num_workers dataloader_num_workers prefetch prefetch_factor pin_memory");
    needless(
        "each stage has TensorBoard's files, and peers/track.py brings a run into other trackers",
        "report_to wandb wandb_project use_wandb mlflow tensorboard");
    needless(
        "the order of all examples is random, of any number of them",
        "shuffle shuffle_buffer_size shuffle_seed");
    needless(
        "there is one implementation, in TorchScript",
        "attn_implementation attention_implementation torch_compile use_flash_attention flash_attn"
            + " use_flash_attn");
    put("guard", "nan_guard loss_spike skip_nan");
  }

  private ForeignNames() {}

  private static void put(String ours, String theirs) {
    put(ours, "", theirs);
  }

  private static void put(String ours, String help, String theirs) {
    for (String name : theirs.split(" ")) {
      OURS.put(normal(name), new Ours(ours, help));
    }
  }

  private static void needless(String why, String theirs) {
    put("", why, theirs);
  }

  private static String normal(String name) {
    return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
  }

  /** What a recipe calls the setting; empty for names of nobody. */
  public static Optional<Ours> ours(String name) {
    return name.length() > 60 ? Optional.empty() : Optional.ofNullable(OURS.get(normal(name)));
  }
}
