package dev.palimpsest.cli.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.cli.terminal.UserMistake;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.StepSizes;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.configs.binding.ConfigYaml;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * PyTorch on this machine, in which {@code peers/step.py} does the same steps as we do.
 *
 * @param python the program; empty if there is none
 * @param version of PyTorch
 * @param lack why nothing can be measured and what to do; empty if it can
 * @param compilerLack why compiled steps cannot be measured and what to do; empty if they can
 * @param readsPictures whether it has Pillow and numpy
 */
record PyTorchPeer(
    String python, String version, String lack, String compilerLack, boolean readsPictures) {
  private static final String SCRIPT = "peers/step.py";
  private static final int PATCH = 14;

  /**
   * Looks for it: the Python asked for, or else in the folder that PALIMPSEST_PEERS names, or else
   * in {@code peers/installed}.
   *
   * @throws UserMistake if the Python asked for has no PyTorch
   */
  static PyTorchPeer find(@Nullable String asked) {
    if (asked != null) {
      PyTorchPeer peer = probe(asked);
      if (!peer.lack().isEmpty()) {
        throw new UserMistake("--python: " + peer.lack());
      }
      return peer;
    }
    Path installed =
        Path.of(
            Objects.requireNonNullElse(
                System.getenv("PALIMPSEST_PEERS"), Checkout.path("peers/installed").toString()));
    return Stream.of("step", "torch")
        .map(environment -> installed.resolve(environment).resolve("bin/python"))
        .filter(Files::isExecutable)
        .findFirst()
        .map(python -> probe(python.toString()))
        .orElseGet(
            () ->
                none(
                    "there is no PyTorch in %s; 'peers/torch.sh' installs one, or --python names a Python that has it"
                        .formatted(installed)));
  }

  private static PyTorchPeer none(String lack) {
    return new PyTorchPeer("", "", lack, "", false);
  }

  private static PyTorchPeer probe(String python) {
    List<String> command = List.of(python, script(), "--probe");
    try {
      Process process =
          Children.peerBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      byte[] said = process.getInputStream().readAllBytes();
      if (process.waitFor() != 0) {
        return none("%s cannot import PyTorch; 'peers/torch.sh' installs one".formatted(python));
      }
      JsonNode facts = Json.STRICT.readTree(new String(said, StandardCharsets.UTF_8));
      return new PyTorchPeer(
          python,
          facts.path("torch").asText("unknown"),
          "",
          facts.path("cannotCompile").asText(""),
          facts.path("pillowAndNumpy").asBoolean());
    } catch (IOException e) {
      return none("%s cannot be run: %s".formatted(python, e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new IOException("interrupted", e));
    }
  }

  private static String script() {
    return Checkout.path(SCRIPT).toAbsolutePath().toString();
  }

  /** Why it has no step of these sizes; empty if it has one. */
  static String lackFor(StepSizes bench) {
    LanguageConfig language = bench.model().language();
    boolean same =
        bench.model().vision().patchSize() == PATCH
            && language.queryScalar() == language.headDim()
            && language.attentionSoftcap() == 0
            && language.finalSoftcap() == 0
            && !language.postNorms()
            && language.slidingWindow() == 0;
    return same ? "" : SCRIPT + " has no model of this kind, only Gemma 1 and patches of 14 pixels";
  }

  /** Its command for steps of these sizes. */
  List<String> command(
      StepSizes bench, Precision precision, boolean compiled, int steps, int threads) {
    VisionConfig v = bench.model().vision();
    LanguageConfig l = bench.model().language();
    List<String> command = new ArrayList<>(List.of(python, script()));
    command.addAll(List.of("--vision", list(v.width(), v.depth(), v.mlpWidth(), v.heads())));
    command.addAll(
        List.of(
            "--language",
            list(
                l.vocabulary(),
                l.width(),
                l.depth(),
                l.mlpWidth(),
                l.heads(),
                l.keyValueHeads(),
                l.headDim())));
    command.addAll(List.of("--resolution", "" + bench.resolution()));
    command.addAll(List.of("--text", "" + bench.textTokens(), "--batch", "" + bench.batchSize()));
    command.addAll(List.of("--device", "cpu", "--precision", ConfigYaml.word(precision)));
    command.addAll(List.of("--steps", "" + steps, "--threads", "" + threads));
    if (compiled) {
      command.add("--compile");
    }
    return command;
  }

  private static String list(int... numbers) {
    return IntStream.of(numbers).mapToObj(Integer::toString).collect(Collectors.joining(","));
  }
}
