package dev.palimpsest.model.ranks;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * How the processes of a group receive the few bytes with which NCCL connects them: the first one
 * waits at the group's address until all others have come, and tells each.
 *
 * <p>A process says {@code PLMP}, its rank and the group's size (ints, big endian); the answer is
 * an int, {@link #WELCOME} and then the bytes, or the size of another group.
 */
final class Rendezvous {
  private static final int MAGIC = 0x504c4d50;
  private static final int WELCOME = 0;
  private static final long AGAIN_NANOS = 200_000_000;

  /** How long to wait for a process that connects and sends nothing. */
  private static final int HELLO_MILLIS = 5_000;

  private final Group group;
  private final long deadline;
  private final Duration limit;

  private Rendezvous(Group group, Duration limit) {
    this.group = group;
    this.limit = limit;
    this.deadline = System.nanoTime() + limit.toNanos();
  }

  /**
   * Exchanges the bytes.
   *
   * @param bytes the first rank's; what others give does not matter but for its length
   * @param limit how long to wait for the others
   * @return the first rank's bytes
   * @throws CollectiveException when not all processes have met by then
   */
  static byte[] meet(Group group, byte[] bytes, Duration limit) {
    Rendezvous rendezvous = new Rendezvous(group, limit);
    if (group.rank() > 0) {
      return rendezvous.receive(bytes.length);
    }
    rendezvous.give(bytes);
    return bytes;
  }

  private int millisLeft() {
    return (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
  }

  // ---- the first rank

  private void give(byte[] bytes) {
    Socket[] come = new Socket[group.size()];
    try (ServerSocket server = new ServerSocket()) {
      server.setReuseAddress(true);
      server.bind(new InetSocketAddress(group.port()), group.size());
      for (int n = 1; n < group.size(); ) {
        server.setSoTimeout(millisLeft());
        Socket socket = server.accept();
        int rank = rank(socket);
        if (rank > 0 && come[rank] == null) {
          come[rank] = socket;
          n++;
        } else {
          socket.close();
        }
      }
      for (int r = 1; r < group.size(); r++) {
        DataOutputStream out = new DataOutputStream(come[r].getOutputStream());
        out.writeInt(WELCOME);
        out.write(bytes);
        out.flush();
      }
    } catch (SocketTimeoutException e) {
      throw new CollectiveException(
          "rank 0 of %d: rank %s did not connect to port %d within %d s"
              .formatted(group.size(), absent(come), group.port(), limit.toSeconds()),
          e);
    } catch (IOException e) {
      throw new CollectiveException(
          "rank 0 of %d: cannot meet the others at port %d: %s; MASTER_PORT names another"
              .formatted(group.size(), group.port(), e.getMessage()),
          e);
    } finally {
      close(come);
    }
  }

  /** The rank of one that has come; -1 if it is none of this group, which it is told. */
  private int rank(Socket socket) {
    try {
      socket.setSoTimeout(HELLO_MILLIS);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      if (in.readInt() != MAGIC) {
        return -1;
      }
      int rank = in.readInt();
      int size = in.readInt();
      if (size != group.size()) {
        new DataOutputStream(socket.getOutputStream()).writeInt(group.size());
        return -1;
      }
      return rank < size ? rank : -1;
    } catch (IOException e) {
      return -1; // it has gone again
    }
  }

  private static String absent(Socket[] come) {
    List<String> absent =
        IntStream.range(1, come.length)
            .filter(r -> come[r] == null)
            .mapToObj(Integer::toString)
            .toList();
    return String.join(", ", absent);
  }

  private static void close(Socket[] sockets) {
    for (Socket socket : sockets) {
      if (socket != null) {
        try {
          socket.close();
        } catch (IOException e) {
          // its process learns of it by itself
        }
      }
    }
  }

  // ---- the others

  private byte[] receive(int length) {
    List<String> failures = new ArrayList<>();
    while (System.nanoTime() < deadline) {
      try (Socket socket = new Socket()) {
        // Resolved each time, since a pod's name may be known only after a while.
        socket.connect(new InetSocketAddress(group.host(), group.port()), millisLeft());
        return greet(socket, length);
      } catch (ConnectException | SocketTimeoutException | UnknownHostException e) {
        failures.add(String.valueOf(e.getMessage()));
        LockSupport.parkNanos(AGAIN_NANOS); // it may not have started yet
      } catch (IOException e) {
        throw new CollectiveException(
            "%s: rank 0 at %s:%d ended the connection: %s"
                .formatted(self(), group.host(), group.port(), e.getMessage()),
            e);
      }
    }
    throw new CollectiveException(
        "%s: rank 0 did not answer at %s:%d within %d s (%s)"
            .formatted(
                self(),
                group.host(),
                group.port(),
                limit.toSeconds(),
                failures.isEmpty() ? "no answer" : failures.get(failures.size() - 1)),
        null);
  }

  private byte[] greet(Socket socket, int length) throws IOException {
    socket.setSoTimeout(millisLeft());
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.writeInt(MAGIC);
    out.writeInt(group.rank());
    out.writeInt(group.size());
    out.flush();
    DataInputStream in = new DataInputStream(socket.getInputStream());
    int answer = in.readInt();
    if (answer != WELCOME) {
      throw new CollectiveException(
          "%s: at %s:%d is another group, of %d processes; MASTER_PORT names another port"
              .formatted(self(), group.host(), group.port(), answer),
          null);
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return bytes;
  }

  private String self() {
    return "rank %d of %d".formatted(group.rank(), group.size());
  }
}
