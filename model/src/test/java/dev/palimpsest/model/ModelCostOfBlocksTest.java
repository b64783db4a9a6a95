package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.configs.ModelCost;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.blocks.Block;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What configs say that a model costs, against its blocks. */
class ModelCostOfBlocksTest extends WithKernels {
  @ParameterizedTest
  @CsvSource({"case1_v1_tiny, F32", "case3b_gemma2_sliding, F32", "case4_multi_image, BF16"})
  void parametersAndGraphsAreThoseOfTheBlocks(String name, Precision precision) {
    Golden golden = Golden.load(name);
    ModelCost cost = new ModelCost(golden.config, golden.resolution, precision);
    long declared =
        ParameterSpecs.of(golden.config, golden.resolution).values().stream()
            .mapToLong(shape -> shape.size())
            .sum();
    assertEquals(declared, cost.parameterCount());
    long graphs =
        Network.of(Architecture.of(golden.config), precision, kernels)
            .images()
            .blocks(1, 3, golden.resolution, precision)
            .stream()
            .mapToLong(Block::graphBytes)
            .sum();
    long costed =
        cost.blocks(new ModelCost.Pass(3, 1, 10, 5)).stream()
            .filter(
                block ->
                    block.part() == ModelCost.Part.VISION
                        || block.part() == ModelCost.Part.CONNECTOR)
            .mapToLong(block -> block.bytes().graph())
            .sum();
    assertEquals(graphs, costed);
  }
}
