package dev.palimpsest.model.ranks;

import ai.djl.ndarray.NDArray;
import java.time.Duration;
import java.util.List;

/** A group of one. */
final class Alone implements Collectives {
  @Override
  public int rank() {
    return 0;
  }

  @Override
  public int size() {
    return 1;
  }

  @Override
  public String transport() {
    return "one process";
  }

  @Override
  public void sum(NDArray array) {}

  @Override
  public void reduceScatter(NDArray array, Parts parts) {}

  @Override
  public void reduceScatterInOrder(NDArray array, Parts parts) {}

  @Override
  public void allGather(NDArray array, Parts parts) {}

  @Override
  public void broadcast(NDArray array, int from) {}

  @Override
  public byte[] broadcast(byte[] bytes, int from) {
    return bytes;
  }

  @Override
  public List<byte[]> gather(byte[] bytes) {
    return List.of(bytes);
  }

  @Override
  public boolean any(boolean mine) {
    return mine;
  }

  @Override
  public void barrier() {}

  @Override
  public void await() {}

  @Override
  public Collectives split(int group) {
    return this;
  }

  @Override
  public Duration takeWaited() {
    return Duration.ZERO;
  }

  @Override
  public void close() {}
}
