package dev.palimpsest.model.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class EngineFactsTest {
  @Test
  void libtorchSaysItsVersionAndItsInstructionSet() {
    Map<String, String> facts = EngineFacts.read();
    assertEquals(EngineFacts.NAMES, List.copyOf(facts.keySet()));
    assertTrue(fact(facts, "engine").matches("PyTorch [0-9.]+"), facts.toString());
    assertTrue(
        List.of("DEFAULT", "AVX2", "AVX512", "SVE256", "NO AVX", "VSX", "Z VECTOR")
            .contains(facts.get("instruction set")),
        facts.toString());
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
  void theLibrariesInsideItSayTheirVersions() {
    Map<String, String> facts = EngineFacts.read();
    assertTrue(fact(facts, "onednn").matches("[0-9]+\\.[0-9]+\\.[0-9]+"), facts.toString());
    assertTrue(fact(facts, "mkl").matches("20[0-9]{2}\\.[0-9]+"), facts.toString());
    assertTrue(
        (" " + facts.get("vector instructions") + " ").contains(" sse4_1 "), facts.toString());
  }

  private static String fact(Map<String, String> facts, String name) {
    return Objects.requireNonNull(facts.get(name), name);
  }

  @Test
  void ofAProcessorsFlagsThoseOfVectorsAreKept() {
    String info =
        """
        processor\t: 0
        model name\t: Made Up
        flags\t\t: fpu sse4_2 avx512f fma avx avx2 aes amx_bf16 lm smep smap
        processor\t: 1
        flags\t\t: fpu
        """;
    assertEquals("amx_bf16 avx avx2 avx512f fma sse4_2", EngineFacts.vectorInstructions(info));
    assertEquals(
        "asimd asimdhp sme sme2 smefa64 smei16i64 sve",
        EngineFacts.vectorInstructions(
            "Features\t: fp asimd aes asimdhp sve sme smei16i64 smefa64 sme2\n"));
    assertEquals("unknown", EngineFacts.vectorInstructions("nothing of the kind"));
  }

  @Test
  void aProcessorMultipliesBfloat16IfItHasAndMayUseTheInstructions() {
    for (String flags : List.of("avx2 avx512_bf16", "amx_bf16 amx_tile", "asimd bf16", "unknown")) {
      assertTrue(EngineFacts.hasBfloat16(flags, Map.of()), flags);
    }
    assertFalse(EngineFacts.hasBfloat16("avx2 avx512_vnni avx512f", Map.of()));
    for (String limit : List.of("ALL", "default", "AVX512_CORE_BF16", "AVX512_CORE_AMX")) {
      assertTrue(EngineFacts.hasBfloat16("amx_bf16", Map.of("ONEDNN_MAX_CPU_ISA", limit)), limit);
    }
    assertFalse(EngineFacts.hasBfloat16("amx_bf16", Map.of("DNNL_MAX_CPU_ISA", "AVX512_CORE")));
  }

  @Test
  void limitsOfTheEnvironmentAreNamed() {
    assertEquals("", EngineFacts.limits(Map.of("PATH", "/bin")));
    assertEquals(
        "ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=COMPATIBLE",
        EngineFacts.limits(Map.of("MKL_CBWR", "COMPATIBLE", "ATEN_CPU_CAPABILITY", "avx2")));
  }
}
