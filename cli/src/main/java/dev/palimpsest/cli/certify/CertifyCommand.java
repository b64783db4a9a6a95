package dev.palimpsest.cli.certify;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.cli.machine.DeviceOption;
import dev.palimpsest.cli.machine.Machine;
import dev.palimpsest.cli.terminal.ExitCode;
import dev.palimpsest.cli.terminal.JsonOption;
import dev.palimpsest.files.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Runs reference cases and reports how far this program's numbers are from theirs. Exit status 0 if
 * every comparison holds, 1 if one does not or a case allowed none, 2 for a folder that is not a
 * case.
 */
@Command(
    name = "certify",
    mixinStandardHelpOptions = true,
    description = "Compares this program's numbers with those of reference cases.",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:every comparison is within its tolerance",
      "1:a comparison exceeds its tolerance",
      "2:a folder is not a case of a known kind"
    })
public final class CertifyCommand implements Callable<Integer> {
  private static final List<CaseKind> KINDS =
      List.of(
          new ImportCase(),
          new ModelCase(),
          new PositionEmbeddingCase(),
          new PreprocessingCase(),
          ScheduleChecks.kind(),
          new OptimizerCase(),
          SequenceChecks.kind(),
          BoxCodecChecks.kind(),
          new MaskCodecCase(),
          new TokenizerCase(),
          new MetricCase());

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "CASE", description = "Folders of reference cases.")
  private List<Path> cases = List.of();

  @Mixin private JsonOption json = new JsonOption();

  @Mixin private DeviceOption device = new DeviceOption();

  @Override
  public Integer call() throws IOException {
    Map<Path, CaseKind> kinds = new LinkedHashMap<>();
    for (Path folder : cases) {
      kinds.put(folder, kind(folder));
    }
    List<Report> reports = new ArrayList<>();
    try (Machine machine = device.open(null)) {
      for (Map.Entry<Path, CaseKind> entry : kinds.entrySet()) {
        Report report = new Report(name(entry.getKey()));
        try (NDManager own = machine.manager().newSubManager()) {
          report.part(
              "case",
              () -> entry.getValue().certify(entry.getKey(), own, machine.kernels(), report));
        }
        reports.add(report);
      }
    }
    print(reports, json.table(spec));
    json.tell(spec, json(reports));
    return ExitCode.check(reports.stream().allMatch(Report::holds));
  }

  private static String name(Path folder) {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return name == null ? folder.toString() : name.toString();
  }

  private CaseKind kind(Path folder) {
    return KINDS.stream()
        .filter(k -> k.recognises(folder))
        .findFirst()
        .orElseThrow(
            () ->
                new ParameterException(
                    spec.commandLine(),
                    (Files.isDirectory(folder)
                            ? folder + " does not contain a reference case of a known kind"
                            : folder + " is not a folder")
                        + "; known kinds, by their files:\n"
                        + KINDS.stream()
                            .map(k -> "  " + k.description())
                            .collect(Collectors.joining("\n"))));
  }

  private static void print(List<Report> reports, PrintWriter out) {
    List<Check> checks = reports.stream().flatMap(r -> r.checks().stream()).toList();
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"case", "quantity", "error", "tolerance", "measure", "result", ""});
    for (Check c : checks) {
      rows.add(
          new String[] {
            c.caseName(),
            c.quantity(),
            number(c.error()),
            number(c.tolerance().limit()),
            c.tolerance().measure(),
            c.holds() ? "pass" : "FAIL",
            c.note()
          });
    }
    int[] widths = new int[7];
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length; i++) {
        line.append(row[i]).append(" ".repeat(widths[i] - row[i].length() + 2));
      }
      out.println(line.toString().stripTrailing());
    }
    out.println();
    for (Report report : reports) {
      report
          .notRun()
          .forEach(what -> out.println(report.caseName() + ": not run, absent: " + what));
      if (report.checks().isEmpty()) {
        out.println(report.caseName() + ": FAIL, nothing could be compared");
      }
    }
    long failed = checks.stream().filter(c -> !c.holds()).count();
    out.println(
        checks.size()
            + " comparisons in "
            + reports.size()
            + (reports.size() == 1 ? " case" : " cases")
            + (failed == 0 ? ", all hold" : ", " + failed + " FAIL"));
    out.flush();
  }

  /** Small integers unchanged, other numbers with two digits. */
  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e6
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%.1e", value);
  }

  private static ObjectNode json(List<Report> reports) {
    ObjectNode file = Json.STRICT.createObjectNode();
    file.put("holds", reports.stream().allMatch(Report::holds));
    ArrayNode checks = file.putArray("checks");
    ArrayNode notRun = file.putArray("notRun");
    for (Report report : reports) {
      for (Check c : report.checks()) {
        ObjectNode row = checks.addObject().put("case", c.caseName()).put("quantity", c.quantity());
        if (Double.isFinite(c.error())) { // JSON knows no NaN
          row.put("error", c.error());
        } else {
          row.putNull("error");
        }
        row.put("tolerance", c.tolerance().limit())
            .put("measure", c.tolerance().measure())
            .put("holds", c.holds())
            .put("note", c.note());
      }
      for (String what : report.notRun()) {
        notRun.addObject().put("case", report.caseName()).put("absent", what);
      }
    }
    return file;
  }
}
