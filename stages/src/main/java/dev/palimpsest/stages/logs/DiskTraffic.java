package dev.palimpsest.stages.logs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What this process has read from and written to disks, as Linux counts it: pages of mapped files
 * count when they are fetched, and when they are first changed after they were last written. Reads
 * from the page cache do not count.
 *
 * @param read bytes
 * @param written bytes
 */
public record DiskTraffic(long read, long written) {
  static final DiskTraffic NONE = new DiskTraffic(0, 0);

  private static final Path COUNTERS = Path.of("/proc/self/io");
  private static final Pattern READ = Pattern.compile("(?m)^read_bytes: (\\d+)$");
  private static final Pattern WRITTEN = Pattern.compile("(?m)^write_bytes: (\\d+)$");

  /** The totals since the process began; zero if the system does not report them. */
  public static DiskTraffic now() {
    try {
      if (Files.isReadable(COUNTERS)) {
        String counters = Files.readString(COUNTERS, StandardCharsets.UTF_8);
        return new DiskTraffic(count(READ, counters), count(WRITTEN, counters));
      }
    } catch (IOException e) {
      return NONE; // systems may forbid it
    }
    return NONE;
  }

  private static long count(Pattern pattern, String counters) {
    Matcher found = pattern.matcher(counters);
    return found.find() ? Long.parseLong(found.group(1)) : 0;
  }

  public DiskTraffic since(DiskTraffic earlier) {
    return new DiskTraffic(read - earlier.read, written - earlier.written);
  }
}
