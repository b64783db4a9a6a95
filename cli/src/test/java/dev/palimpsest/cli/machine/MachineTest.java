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

  @ParameterizedTest
  @CsvSource({
    "cuda,   0, false, 0, built for the CPU alone",
    "cuda:1, 1, true,  0, finds no CUDA device",
    "cuda:1, 1, true,  1, 'there is one CUDA device, cuda:0'",
    "cuda:4, 4, true,  4, 'there are 4 CUDA devices, cuda:0 to cuda:3'",
  })
  void theMessageSaysWhatIsMissing(
      String name, int id, boolean built, int devices, String expected) {
    var e =
        assertThrows(
            UnusableDeviceException.class,
            () -> Machine.requireCuda(name, id, built, devices, "2.7.1"));
    assertTrue(e.toString().contains(expected), e.toString());
    Machine.requireCuda("cuda:3", 3, true, 4, "2.7.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "CPU", "cuda:", "cuda:-1", "cuda:99999", "cpu:0", ""})
  void otherNamesAreRefused(String name) {
    var e = assertThrows(UnusableDeviceException.class, () -> Machine.open(name, null).close());
    assertTrue(e.toString().contains("must be cpu, cuda or cuda:n"), e.toString());
  }
}
