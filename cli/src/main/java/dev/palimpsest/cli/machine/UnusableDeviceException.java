package dev.palimpsest.cli.machine;

/** The device that was asked for does not exist or cannot be used. The message is one sentence. */
public final class UnusableDeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnusableDeviceException(String message) {
    super(message);
  }

  UnusableDeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
