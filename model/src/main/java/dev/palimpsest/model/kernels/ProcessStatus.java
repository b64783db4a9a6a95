package dev.palimpsest.model.kernels;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What Linux says of this process's memory ({@code /proc/self/status}). */
public final class ProcessStatus {
  private static final Path FILE = Path.of("/proc/self/status");

  private ProcessStatus() {}

  /**
   * An amount of memory in bytes; empty where the system does not tell.
   *
   * @param name {@code VmHWM}: the most that was resident; {@code VmRSS}: what is resident; {@code
   *     RssAnon}: of that, what no file contains
   */
  public static OptionalLong bytes(String name) {
    try {
      if (!Files.isReadable(FILE)) {
        return OptionalLong.empty();
      }
      Matcher found =
          Pattern.compile("(?m)^" + name + ":\\s+(\\d+) kB$")
              .matcher(Files.readString(FILE, StandardCharsets.UTF_8));
      return found.find()
          ? OptionalLong.of(1024 * Long.parseLong(found.group(1)))
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty(); // systems may forbid it
    }
  }
}
