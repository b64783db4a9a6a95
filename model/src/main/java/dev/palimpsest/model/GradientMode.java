package dev.palimpsest.model;

import ai.djl.pytorch.jni.JniUtils;

/** Sets this thread's gradient mode until closed. New threads start with it on. */
final class GradientMode implements AutoCloseable {
  private final boolean before = JniUtils.isGradMode();

  GradientMode(boolean on) {
    JniUtils.setGradMode(on);
  }

  @Override
  public void close() {
    JniUtils.setGradMode(before);
  }
}
