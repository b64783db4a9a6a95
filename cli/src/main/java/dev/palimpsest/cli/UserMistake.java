package dev.palimpsest.cli;

/** A mistake on the command line that one sentence explains: what, expected, got, what to do. */
final class UserMistake extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UserMistake(String message) {
    super(message);
  }
}
