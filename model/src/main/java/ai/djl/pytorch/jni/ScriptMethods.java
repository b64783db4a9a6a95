package ai.djl.pytorch.jni;

import ai.djl.pytorch.engine.PtSymbolBlock;

/**
 * Calls a named TorchScript method with any arguments and with autograd enabled. The engine only
 * offers this through a package-private field, hence the package of this class; everything else is
 * in the project's own packages.
 */
public final class ScriptMethods {
  private ScriptMethods() {}

  /** Runs a method; the caller closes arguments and result. */
  public static IValue run(PtSymbolBlock module, String method, IValue[] arguments) {
    long[] handles = new long[arguments.length];
    for (int i = 0; i < handles.length; i++) {
      handles[i] = arguments[i].getHandle();
    }
    // Always in training mode: results of the engine's evaluation mode cannot take part in
    // autograd.
    return new IValue(
        PyTorchLibrary.LIB.moduleRunMethod(module.getHandle(), method, handles, true, false));
  }
}
