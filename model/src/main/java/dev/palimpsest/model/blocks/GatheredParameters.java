package dev.palimpsest.model.blocks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.model.kernels.FloatArrays;
import dev.palimpsest.model.ranks.Parts;
import dev.palimpsest.model.ranks.RankGrid;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Parameters of which each rank keeps a part. A lease gathers its block's arrays when they are
 * first asked for, and frees them when it is closed, so that whole arrays are in memory for the
 * blocks in use alone.
 */
record GatheredParameters(Parameters parts, Function<String, Parts> division, RankGrid ranks)
    implements Weights {
  @Override
  public Precision products() {
    return Precision.F32;
  }

  @Override
  public boolean isTrained(String name) {
    return false;
  }

  @Override
  public boolean anyone(boolean mine) {
    return ranks.all().any(mine);
  }

  @Override
  public boolean isGathered() {
    return true;
  }

  @Override
  public Lease take(BlockSpec block) {
    return new GatheredLease(block);
  }

  private final class GatheredLease implements Lease {
    private final BlockSpec block;
    private @Nullable NDManager scope;
    private final Map<String, NDArray> arrays = new LinkedHashMap<>();

    GatheredLease(BlockSpec block) {
      this.block = block;
    }

    @Override
    public Map<String, NDArray> arrays() {
      if (arrays.isEmpty()) {
        for (BlockSpec.Parameter parameter : block.parameters()) {
          NDArray own = parts.get(block.name(parameter));
          if (scope == null) {
            scope = own.getManager().newSubManager();
          }
          arrays.put(parameter.name(), gathered(scope, block.name(parameter), parameter, own));
        }
      }
      return arrays;
    }

    private NDArray gathered(
        NDManager owner, String name, BlockSpec.Parameter parameter, NDArray own) {
      Parts divided = division.apply(name);
      NDArray whole = FloatArrays.zeros(owner, parameter.shape(), Precision.F32);
      if (divided.length(ranks.within().rank()) > 0) {
        try (NDArray place = divided.of(whole, ranks.within().rank())) {
          FloatArrays.assign(place, own);
        }
      }
      ranks.within().allGather(whole, divided);
      return whole;
    }

    @Override
    public void useNothing() {
      arrays();
    }

    @Override
    public void add(Map<String, NDArray> added) {
      throw new IllegalStateException("these parameters are not trained");
    }

    @Override
    public NDArray sum(String parameter) {
      throw new IllegalStateException("these parameters are not trained");
    }

    @Override
    public void close() {
      if (scope != null) {
        scope.close();
      }
    }
  }
}
