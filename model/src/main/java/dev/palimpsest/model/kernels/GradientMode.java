package dev.palimpsest.model.kernels;

import ai.djl.pytorch.jni.JniUtils;

/** Sets this thread's gradient mode until closed. In new threads it is initially on. */
public final class GradientMode implements AutoCloseable {
  private final boolean before = JniUtils.isGradMode();

  public GradientMode(boolean on) {
    JniUtils.setGradMode(on);
  }

  @Override
  public void close() {
    JniUtils.setGradMode(before);
  }
}
