package dev.palimpsest.cli.terminal;

import org.jspecify.annotations.Nullable;

/**
 * The last line of the terminal, redrawn in place. Whatever else is printed goes above it and stays
 * in the scrollback. A terminal narrower than the line shows its beginning.
 */
final class StatusLine {
  /** Erases the line. */
  private static final String ERASE = "\r\u001b[K";

  /** Prints without continuing on the next line; then as usual again. */
  private static final String UNWRAPPED = "\u001b[?7l%s\u001b[?7h";

  /** There is one terminal, whoever writes to it. */
  private static final StatusLine TERMINAL = new StatusLine();

  private @Nullable String shown;

  private StatusLine() {}

  /** Shows a text, in place of what is shown. */
  static void show(String text) {
    TERMINAL.draw(text);
  }

  /** Ends the line. */
  static void end() {
    TERMINAL.erase();
  }

  /** Prints something else above the line, if one is shown. */
  static <E extends Exception> void above(Printing<E> printing) throws E {
    TERMINAL.interrupt(printing);
  }

  /** Writes to the terminal. */
  @FunctionalInterface
  interface Printing<E extends Exception> {
    void print() throws E;
  }

  private synchronized void draw(String text) {
    shown = text;
    System.err.print(ERASE + UNWRAPPED.formatted(text));
    System.err.flush();
  }

  private synchronized void erase() {
    if (shown != null) {
      shown = null;
      System.err.print(ERASE);
      System.err.flush();
    }
  }

  private synchronized <E extends Exception> void interrupt(Printing<E> printing) throws E {
    String before = shown;
    erase();
    printing.print();
    if (before != null) {
      draw(before);
    }
  }
}
