package dev.palimpsest.cli.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MachineTest {
  @Test
  void theCpuIsTheCpuEvenWhereThereIsMore() {
    try (Machine machine = Machine.open("cpu", null)) {
      assertEquals(Device.cpu(), machine.device());
      assertEquals(Device.cpu(), machine.manager().getDevice());
      assertEquals(
          5, machine.kernels().l2Norm(List.of(machine.manager().create(new float[] {3, 4}))), 1e-6);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuda", "cuda:0", "cuda:7"})
  void cudaIsRefusedWhereNoneCanBeUsed(String name) {
    assumeTrue(Engine.getEngine("PyTorch").getGpuCount() == 0);
    var e = assertThrows(UnusableDeviceException.class, () -> Machine.open(name, null).close());
    assertTrue(e.toString().contains("--device " + name + " cannot be used"), e.toString());
  }

  @Test
  void withoutADriverTheMessageSaysSo() {
    CudaDriver none = new CudaDriver(false, 0, "", List.of());
    var e = assertThrows(UnusableDeviceException.class, () -> Machine.requireDriver("cuda", none));
    assertTrue(e.toString().contains("--device cuda cannot be used: there is no NVIDIA driver"));
    Machine.requireDriver("cuda", new CudaDriver(true, 0, "", List.of()));
  }

  @ParameterizedTest
  @CsvSource({
    // device, its number; the driver's version and failure; the engine's part, runtime, devices
    "cuda,   0, 12040, '',        false, 0,     0, built for CPUs only; './palimpsest --engine cuda'",
    "cuda,   0, 12040, '',        true,  0,     0, the CUDA runtime (libcudart) is not found",
    "cuda,   0, 11040, 'too old', true,  12060, 0, 'runs programs up to CUDA 11.4, and this engine needs CUDA 12; update'",
    "cuda,   0, 12040, no device, true,  12060, 0, 'the NVIDIA driver says: no device; check nvidia-smi'",
    "cuda:1, 1, 12040, '',        true,  12060, 0, 'finds no device, but the driver has 2'",
    "cuda:1, 1, 12040, '',        true,  12060, 1, 'there is one CUDA device, cuda:0'",
    "cuda:4, 4, 12040, '',        true,  12060, 4, 'there are 4 CUDA devices, cuda:0 to cuda:3'",
  })
  void theMessageSaysWhatIsMissing(
      String name,
      int id,
      int version,
      String failure,
      boolean part,
      int runtime,
      int devices,
      String expected) {
    CudaDriver.Gpu gpu = new CudaDriver.Gpu("a GPU", "9.0", 1L << 36);
    CudaDriver driver = new CudaDriver(true, version, failure, List.of(gpu, gpu));
    var engine = new Machine.CudaPart("2.7.1", part, runtime, devices);
    var e =
        assertThrows(
            UnusableDeviceException.class, () -> Machine.requireCuda(name, id, driver, engine));
    assertTrue(e.toString().contains(expected), e.toString());
  }

  @Test
  void aDriverOfTheSameMajorVersionWillDo() {
    CudaDriver driver = new CudaDriver(true, 12020, "", List.of());
    Machine.requireCuda("cuda:3", 3, driver, new Machine.CudaPart("2.7.1", true, 12060, 4));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "CPU", "cuda:", "cuda:-1", "cuda:99999", "cpu:0", ""})
  void otherNamesAreRefused(String name) {
    var e = assertThrows(UnusableDeviceException.class, () -> Machine.open(name, null).close());
    assertTrue(e.toString().contains("must be cpu, cuda or cuda:n"), e.toString());
  }
}
