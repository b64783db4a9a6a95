package ai.djl.pytorch.jni;

import ai.djl.pytorch.engine.PtSymbolBlock;

/**
 * Calls a named TorchScript method with any arguments and with autograd on. The engine has this
 * only behind a package-private field, hence this class's package; everything else lives in the
 * project's own.
 */
public final class ScriptMethods {
  private ScriptMethods() {}

  /** Runs a method; the caller closes arguments and result. */
  public static IValue run(PtSymbolBlock module, String method, IValue[] arguments) {
    long[] handles = new long[arguments.length];
    for (int i = 0; i < handles.length; i++) {
      handles[i] = arguments[i].getHandle();
    }
    // Train mode always: results of the engine's evaluation mode can never enter autograd.
    return new IValue(
        PyTorchLibrary.LIB.moduleRunMethod(module.getHandle(), method, handles, true, false));
  }
}
