package dev.palimpsest.model.kernels;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A file that the C library has opened, for its functions that the JDK does not offer. For Linux.
 *
 * @param descriptor the number by which those functions know it
 */
record NativeFile(int descriptor) implements AutoCloseable {
  static final int READ = 0;
  static final int READ_AND_WRITE = 2;

  static boolean isLinux() {
    return System.getProperty("os.name").equals("Linux");
  }

  /**
   * Opens a file that exists.
   *
   * @param access {@link #READ} or {@link #READ_AND_WRITE}
   * @throws IOException when it cannot be opened so
   */
  static NativeFile open(Path file, int access) throws IOException {
    byte[] name =
        file.toString().getBytes(Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8")));
    int descriptor =
        function("open").invokeInt(new Object[] {Arrays.copyOf(name, name.length + 1), access});
    if (descriptor < 0) {
      throw new FileSystemException(file.toString(), null, "cannot be opened");
    }
    return new NativeFile(descriptor);
  }

  /** A function of the C library. */
  static Function function(String name) {
    return NativeLibrary.getInstance("c").getFunction(name);
  }

  @Override
  public void close() {
    function("close").invokeInt(new Object[] {descriptor});
  }
}
