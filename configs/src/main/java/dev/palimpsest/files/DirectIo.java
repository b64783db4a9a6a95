package dev.palimpsest.files;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Files that are read and written past the system's cache. */
public final class DirectIo {
  /** Address, place in the file and length of what is moved are multiples of so many bytes. */
  public static final int UNIT = 4096;

  private static final Logger log = LoggerFactory.getLogger(DirectIo.class);

  private DirectIo() {}

  /** Opens a file that exists; null where system or disk do not offer this for units. */
  public static @Nullable FileChannel open(Path file, OpenOption... how) throws IOException {
    if (UNIT % Files.getFileStore(file).getBlockSize() != 0) {
      return null;
    }
    OpenOption[] options = Arrays.copyOf(how, how.length + 1);
    options[how.length] = ExtendedOpenOption.DIRECT;
    try {
      return FileChannel.open(file, options);
    } catch (IOException | UnsupportedOperationException e) {
      log.debug("{} goes through the system's cache: {}", file, e.getMessage());
      return null;
    }
  }
}
