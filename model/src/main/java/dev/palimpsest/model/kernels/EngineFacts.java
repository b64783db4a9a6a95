package dev.palimpsest.model.kernels;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.pytorch.jni.LibUtils;
import ai.djl.pytorch.jni.ScriptMethods;
import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What the bits of a result depend on besides the program: the instruction set and the versions of
 * libtorch and of the two libraries inside it, oneDNN and MKL. With the same arrays and threads,
 * the last bits differ if one of these differs.
 */
public final class EngineFacts {
  /** Names of the facts. */
  public static final List<String> NAMES =
      List.of(
          "engine",
          "instruction set",
          "vector instructions",
          "instruction limits",
          "onednn",
          "mkl");

  private static final String UNKNOWN = "unknown";

  private static final Pattern INTEL = Pattern.compile("(?m)^vendor_id\\s*:\\s*GenuineIntel$");

  /** The processor flags by which oneDNN and MKL choose their kernels. */
  private static final Pattern VECTORS =
      Pattern.compile(
          "sse4_[12]|avx.*|fma|f16c|amx.*|asimd.*|sve.*|sme(2.*|fa64|[bfi]+\\d.*)?|bf16|i8mm");

  /** Flags of processors that multiply bfloat16. */
  private static final Pattern BFLOAT16 = Pattern.compile("\\b(avx512_bf16|amx_bf16|bf16)\\b");

  /** oneDNN's names of instruction sets with such instructions, and of no limit. */
  private static final Pattern BFLOAT16_LIMITS =
      Pattern.compile("ALL|DEFAULT|.*(BF16|FP16|AMX|AVX10).*");

  private static final Pattern FLAGS = Pattern.compile("(?m)^(?:flags|Features)\\s*:(.*)$");

  /**
   * Environment variables that keep the libraries from using instructions that the processor has.
   */
  private static final List<String> LIMITS =
      List.of(
          "ATEN_CPU_CAPABILITY",
          "ONEDNN_MAX_CPU_ISA",
          "DNNL_MAX_CPU_ISA",
          "MKL_ENABLE_INSTRUCTIONS",
          "MKL_CBWR");

  private EngineFacts() {}

  /**
   * Facts by name, in the order of {@link #NAMES}; what cannot be found is {@code unknown}.
   *
   * <p>libtorch reports its instruction set. oneDNN and MKL, which are linked into it statically,
   * do not: they choose from the processor's vector instructions (as reported by Linux) within the
   * limits that the environment sets. Their versions come from libtorch's functions behind {@code
   * torch.__config__.show()}, if these can be called (x86-64 Linux).
   */
  public static Map<String, String> read() {
    Engine engine = Engine.getEngine("PyTorch");
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("engine", engine.getEngineName() + " " + engine.getVersion());
    facts.put("instruction set", instructionSet(engine));
    facts.put("vector instructions", vectorInstructions());
    facts.put("instruction limits", limits(System.getenv()));
    facts.put("onednn", version("_ZN2at18get_mkldnn_versionB5cxx11Ev", "v([0-9][0-9.]*)"));
    facts.put("mkl", mkl());
    return facts;
  }

  /** The folder that libtorch was loaded from. */
  public static Path folder() {
    Engine.getEngine("PyTorch");
    return Path.of(LibUtils.getLibtorchPath());
  }

  /** The number of threads with which libtorch computes. */
  public static int threads() {
    Engine.getEngine("PyTorch");
    return JniUtils.getNumThreads();
  }

  /**
   * Whether libtorch has its CUDA part, whether or not there is a device. The engine's own answer
   * depends on the device, so the libraries of this process are examined if the system lists them.
   */
  public static boolean hasCudaPart() {
    Engine engine = Engine.getEngine("PyTorch");
    Path maps = Path.of("/proc/self/maps");
    if (!Files.isReadable(maps)) {
      return engine.hasCapability(StandardCapabilities.CUDA);
    }
    try {
      return Files.readString(maps, StandardCharsets.ISO_8859_1).contains("libtorch_cuda.so");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + maps, e);
    }
  }

  private static String instructionSet(Engine engine) {
    try (NDManager manager = engine.newBaseManager(Device.cpu());
        ByteArrayInputStream archive =
            new ByteArrayInputStream(ScriptArchive.pack(List.of("facts.py")));
        PtSymbolBlock module = JniUtils.loadModule((PtNDManager) manager, archive, true, false);
        IValue name = ScriptMethods.run(module, "instruction_set", new IValue[0])) {
      return name.toStringValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String vectorInstructions() {
    return vectorInstructions(processorInfo());
  }

  /** What Linux says of the processors; empty if it says nothing. */
  private static String processorInfo() {
    Path info = Path.of("/proc/cpuinfo");
    try {
      return Files.isReadable(info) ? Files.readString(info, StandardCharsets.UTF_8) : "";
    } catch (IOException e) {
      return "";
    }
  }

  /** Whether the processor is Intel's, for which MKL has its best kernels. */
  static boolean isIntel() {
    return INTEL.matcher(processorInfo()).find();
  }

  /** Whether libtorch multiplies with MKL, where that can be told. */
  static boolean hasMkl() {
    return !mkl().equals(UNKNOWN);
  }

  private static String mkl() {
    return version("_ZN2at15get_mkl_versionB5cxx11Ev", "Version ([0-9][0-9.]*)");
  }

  /** Flags of the first processor, in alphabetical order. */
  static String vectorInstructions(String processorInfo) {
    Matcher flags = FLAGS.matcher(processorInfo);
    return flags.find()
        ? Arrays.stream(flags.group(1).strip().split("\\s+"))
            .filter(flag -> VECTORS.matcher(flag).matches())
            .sorted()
            .collect(Collectors.joining(" "))
        : UNKNOWN;
  }

  /**
   * Whether oneDNN can multiply bfloat16 with instructions of the processor. Where the system does
   * not say, as on macOS, it is taken to.
   */
  public static boolean hasBfloat16() {
    return hasBfloat16(vectorInstructions(), System.getenv());
  }

  static boolean hasBfloat16(String vectorInstructions, Map<String, String> environment) {
    if (vectorInstructions.equals(UNKNOWN)) {
      return true;
    }
    String limit =
        environment.getOrDefault(
            "ONEDNN_MAX_CPU_ISA", environment.getOrDefault("DNNL_MAX_CPU_ISA", "ALL"));
    return BFLOAT16.matcher(vectorInstructions).find()
        && BFLOAT16_LIMITS.matcher(limit.toUpperCase(Locale.ROOT)).matches();
  }

  static String limits(Map<String, String> environment) {
    return LIMITS.stream()
        .filter(environment::containsKey)
        .map(name -> name + "=" + environment.get(name))
        .collect(Collectors.joining(" "));
  }

  /**
   * Calls a function of libtorch that returns a {@code std::string}. In the System V calling
   * convention of x86-64 the caller passes memory for it as a hidden first argument; it begins with
   * pointer and length.
   */
  private static String version(String function, String pattern) {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("os.arch").equals("amd64")) {
      return UNKNOWN;
    }
    try {
      Path library = folder().resolve("libtorch_cpu.so");
      Function called = NativeLibrary.getInstance(library.toString()).getFunction(function);
      try (Memory string = new Memory(32)) {
        called.invokeVoid(new Object[] {string});
        byte[] bytes =
            string.getPointer(0).getByteArray(0, Math.toIntExact(string.getLong(Long.BYTES)));
        Matcher version =
            Pattern.compile(pattern).matcher(new String(bytes, StandardCharsets.UTF_8));
        return version.find() ? version.group(1) : UNKNOWN;
      }
    } catch (LinkageError e) {
      return UNKNOWN;
    }
  }
}
