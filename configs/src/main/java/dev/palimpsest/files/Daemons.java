package dev.palimpsest.files;

import java.util.concurrent.ThreadFactory;

/** Threads that do not keep the JVM alive. */
public final class Daemons {
  private Daemons() {}

  /** A thread, not started yet. */
  public static Thread thread(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /** Makes such threads, all of the same name. */
  public static ThreadFactory named(String name) {
    return work -> thread(name, work);
  }
}
