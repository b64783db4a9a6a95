package dev.palimpsest.cli.verify;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.cli.verify.Verdict.Outcome;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.files.Json;
import dev.palimpsest.stages.RunContents;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code palimpsest verify-export}: checks whether other programs will load all of an export. */
@Command(
    name = "verify-export",
    mixinStandardHelpOptions = true,
    description = {
      "Checks an export: its files against their SHA-256, its tensors against the names that"
          + " transformers 4.4x, 4.52+ and 5.x, big_vision and openpi look for, and its values and"
          + " logits against the checkpoint that it was made from.",
      "Exit code 1 if a check fails."
    })
public final class VerifyExportCommand implements Callable<Integer> {
  /** How many of a check's findings are shown; JSON has them all. */
  private static final int SHOWN = 20;

  @Spec CommandSpec spec;

  @Parameters(
      index = "0",
      paramLabel = "FOLDER",
      description = "A Hugging Face folder, an npz file, or a folder with an npz file.")
  Path export;

  @Option(
      names = "--against",
      paramLabel = "CHECKPOINT",
      description = {
        "The training checkpoint that it was made from, or the folder of a stage or run.",
        "Default: the one that its lineage names, if it is still in the export's run folder."
      })
  @Nullable Path against;

  @Option(
      names = "--logits",
      paramLabel = "FILE",
      description =
          "Also writes the input and our logits as safetensors, for the programs in peers/.")
  @Nullable Path logits;

  @Option(names = "--json", description = "Prints the result as JSON.")
  boolean json;

  @Mixin DeviceOption device;

  @Override
  public Integer call() {
    Path checkpoint = against == null ? null : checkpoint(against);
    List<Machine> opened = new ArrayList<>();
    List<Verdict> verdicts;
    try {
      verdicts =
          Verification.of(
              export,
              checkpoint,
              logits,
              () -> {
                opened.add(device.open(null));
                return opened.get(0);
              });
    } finally {
      opened.forEach(Machine::close);
    }
    boolean holds = verdicts.stream().noneMatch(v -> v.outcome() == Outcome.FAILS);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(json(verdicts, holds));
    } else {
      verdicts.forEach(verdict -> print(out, verdict));
      long failed = verdicts.stream().filter(v -> v.outcome() == Outcome.FAILS).count();
      long made = verdicts.stream().filter(v -> v.outcome() != Outcome.ABSENT).count();
      out.println("%d checks, %s".formatted(made, holds ? "all hold" : failed + " of them failed"));
    }
    return ExitCode.check(holds);
  }

  private static Path checkpoint(Path folder) {
    return RunContents.checkpoint(folder)
        .orElseThrow(
            () ->
                new UserMistake(
                    "--against %s has no checkpoint: expected a training checkpoint, or the folder of a stage or of a run with one"
                        .formatted(folder)));
  }

  private static void print(PrintWriter out, Verdict verdict) {
    String outcome =
        switch (verdict.outcome()) {
          case HOLDS -> "holds";
          case FAILS -> "FAILS";
          case ABSENT -> "-";
        };
    out.println(
        String.format(Locale.ROOT, "%-6s %-18s %s", outcome, verdict.check(), verdict.summary()));
    verdict.details().stream().limit(SHOWN).forEach(detail -> out.println(" ".repeat(26) + detail));
    int more = verdict.details().size() - SHOWN;
    if (more > 0) {
      out.println(" ".repeat(26) + "and %d more; --json shows all".formatted(more));
    }
  }

  private String json(List<Verdict> verdicts, boolean holds) {
    ObjectNode root = Json.STRICT.createObjectNode();
    root.put("export", export.toString()).put("holds", holds);
    for (Verdict verdict : verdicts) {
      ObjectNode node = root.withArray("checks").addObject();
      node.put("check", verdict.check());
      node.put("outcome", ConfigYaml.word(verdict.outcome()));
      node.put("summary", verdict.summary());
      verdict.details().forEach(node.putArray("details")::add);
    }
    return root.toPrettyString();
  }
}
