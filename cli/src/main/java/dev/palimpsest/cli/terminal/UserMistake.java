package dev.palimpsest.cli.terminal;

/** A mistake on the command line that one sentence explains: what, expected, got, what to do. */
public final class UserMistake extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UserMistake(String message) {
    super(message);
  }
}
