package dev.palimpsest.cli.terminal;

import dev.palimpsest.files.Escape;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.Charset;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Standard output or standard error. Control characters except line feeds and tabs are made
 * visible, so that text of a recipe, of data or of a model cannot control the terminal; and it is
 * known whether everything that was written has arrived.
 */
public final class Screen extends Writer {
  private final Writer to;
  private @Nullable IOException failure;

  private Screen(Writer to) {
    this.to = to;
  }

  /** Standard output. */
  public static Screen out() {
    return new Screen(writer(FileDescriptor.out, "stdout.encoding", "sun.stdout.encoding"));
  }

  /** Standard error. */
  public static Screen err() {
    return new Screen(writer(FileDescriptor.err, "stderr.encoding", "sun.stderr.encoding"));
  }

  private static Writer writer(FileDescriptor to, String... properties) {
    Charset charset = Charset.defaultCharset();
    for (String property : properties) {
      String name = System.getProperty(property);
      if (name != null && Charset.isSupported(name)) {
        charset = Charset.forName(name);
        break;
      }
    }
    return new OutputStreamWriter(new FileOutputStream(to), charset);
  }

  /** A writer to this screen, flushed at the end of each line. */
  public PrintWriter printer() {
    return new PrintWriter(this, true);
  }

  /**
   * Why some output has not arrived, if so. A reader that has closed the pipe, such as {@code
   * head}, does not count.
   */
  public Optional<IOException> failure() {
    return Optional.ofNullable(failure)
        .filter(e -> !String.valueOf(e.getMessage()).contains("Broken pipe"));
  }

  @Override
  public void write(char[] text, int from, int length) throws IOException {
    try {
      StatusLine.above(
          () -> {
            to.write(Escape.lines(new String(text, from, length)));
            to.flush();
          });
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }

  @Override
  public void flush() throws IOException {
    try {
      to.flush();
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    to.close();
  }
}
