package dev.palimpsest.cli.operating;

import dev.palimpsest.cli.terminal.UserMistake;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code [HOST:]PORT} as an option names where to serve. */
public final class ListenAddress {
  private static final Pattern ADDRESS = Pattern.compile("(?:(.+):)?(\\d{1,5})");

  private ListenAddress() {}

  /**
   * The address; on loopback unless a host is given.
   *
   * @param option for messages
   * @param offset added to the port, unless it is 0, which takes any free one
   */
  public static InetSocketAddress of(String option, String text, int offset) {
    Matcher m = ADDRESS.matcher(text);
    int port = m.matches() ? Integer.parseInt(m.group(2)) : -1;
    int own = port == 0 ? 0 : port + offset;
    if (port < 0 || own > 65_535) {
      throw new UserMistake("%s must be a port or HOST:PORT, got '%s'".formatted(option, text));
    }
    String host = m.group(1);
    InetSocketAddress address =
        host == null
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), own)
            : new InetSocketAddress(host.replaceAll("[\\[\\]]", ""), own);
    if (address.isUnresolved()) {
      throw new UserMistake("%s: there is no host '%s'".formatted(option, host));
    }
    return address;
  }
}
