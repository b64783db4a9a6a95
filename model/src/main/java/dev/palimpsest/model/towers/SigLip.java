package dev.palimpsest.model.towers;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.BlockBytes;
import dev.palimpsest.configs.ModelConfig.Connector;
import dev.palimpsest.configs.Precision;
import dev.palimpsest.configs.VisionConfig;
import dev.palimpsest.model.blocks.Block;
import dev.palimpsest.model.blocks.BlockSpec;
import dev.palimpsest.model.blocks.BlockSpec.Parameter;
import dev.palimpsest.model.blocks.Init;
import dev.palimpsest.model.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The SigLIP image tower (big_vision models/vit.py) and the linear connector to a decoder's width.
 * Its matrices are called {@code kernel}, as in big_vision, so that the reference's weight-decay
 * pattern {@code .*}{@code /kernel} means the same set here.
 *
 * <pre>
 * vision/embedding/kernel [Dv, 3, P, P]   vision/embedding/bias [Dv]   vision/position_embedding [N, Dv]
 * vision/blocks/i/norm1/{scale,bias} [Dv]
 * vision/blocks/i/attention/{query,key,value,out}/{kernel [Dv, Dv], bias [Dv]}
 * vision/blocks/i/norm2/{scale,bias} [Dv]
 * vision/blocks/i/mlp/in/{kernel [Mv, Dv], bias [Mv]}   vision/blocks/i/mlp/out/{kernel [Dv, Mv], bias [Dv]}
 * vision/norm/{scale,bias} [Dv]
 * connector/kernel [D, Dv]   connector/bias [D]
 * with an MLP: connector/hidden/kernel [D, Dv]   connector/hidden/bias [D]   connector/kernel [D, D]
 * </pre>
 *
 * <p>Where pictures are cut into windows, N is the number of tokens of one, and to the blocks each
 * window is a picture.
 *
 * <p>Initialised as in big_vision: Xavier-uniform kernels, MLP biases normal with deviation 1e-6,
 * position embedding normal with deviation width^-0.5. The connector's kernel is normal with
 * deviation fan-in^-0.5; a connector of zeros, as at the start of stage 1 in the released
 * configuration, makes all image tokens equal, so a stage has to ask for it.
 *
 * @param width D, the decoder's
 * @param connector the kind of connector
 */
public record SigLip(VisionConfig config, int width, Connector connector) implements ImageTower {
  private static final Init MLP_BIAS = Init.normal(1e-6);

  @Override
  public String kernels() {
    return "vision.py";
  }

  @Override
  public String names() {
    return "siglip";
  }

  @Override
  public int depth() {
    return config.depth();
  }

  @Override
  public Map<String, Integer> axes() {
    return Map.of("h", config.heads(), "k", config.width() / config.heads());
  }

  @Override
  public int imageTokens(int resolution) {
    return config.imageTokens(resolution);
  }

  @Override
  public List<BlockSpec> specs(int resolution) {
    int d = config.width();
    double epsilon = config.normEpsilon();
    List<BlockSpec> specs = new ArrayList<>();
    Shape patches = new Shape(d, 3, config.patchSize(), config.patchSize());
    specs.add(
        new BlockSpec(
            "vision/embedding",
            "patch_embed",
            List.of(new Parameter("kernel", patches, Init.xavier(patches), true), bias("bias", d)),
            List.of(config.encodedSide(resolution))));
    Shape positions = new Shape(config.positions(resolution), d);
    specs.add(
        new BlockSpec(
            "vision",
            "add_position",
            List.of(new Parameter("position_embedding", positions, Init.fanIn(positions))),
            List.of()));
    for (int i = 0; i < config.depth(); i++) {
      specs.add(
          new BlockSpec(
              "vision/blocks/" + i, "vision_block", block(), List.of(config.heads(), epsilon)));
    }
    specs.add(new BlockSpec("vision/norm", "vision_norm", norm("", d), List.of(epsilon)));
    specs.add(connectorSpec());
    return specs;
  }

  private BlockSpec connectorSpec() {
    boolean mlp = connector == Connector.MLP;
    List<Parameter> parameters = new ArrayList<>();
    if (mlp) {
      Shape hidden = new Shape(width, config.width());
      parameters.add(new Parameter("hidden/kernel", hidden, Init.fanIn(hidden), true));
      parameters.add(bias("hidden/bias", width));
    }
    Shape last = new Shape(width, mlp ? width : config.width());
    parameters.add(new Parameter("kernel", last, Init.fanIn(last), true));
    parameters.add(bias("bias", width));
    return new BlockSpec("connector", mlp ? "connect_mlp" : "connect", parameters, List.of());
  }

  private List<Parameter> block() {
    int d = config.width();
    int m = config.mlpWidth();
    List<Parameter> parameters = new ArrayList<>(norm("norm1/", d));
    for (String part : new String[] {"query", "key", "value", "out"}) {
      parameters.add(kernel("attention/" + part + "/kernel", d, d));
      parameters.add(bias("attention/" + part + "/bias", d));
    }
    parameters.addAll(norm("norm2/", d));
    parameters.add(kernel("mlp/in/kernel", m, d));
    parameters.add(new Parameter("mlp/in/bias", new Shape(m), MLP_BIAS));
    parameters.add(kernel("mlp/out/kernel", d, m));
    parameters.add(new Parameter("mlp/out/bias", new Shape(d), MLP_BIAS));
    return parameters;
  }

  private static Parameter kernel(String name, int out, int in) {
    Shape shape = new Shape(out, in);
    return new Parameter(name, shape, Init.xavier(shape), true);
  }

  private static Parameter bias(String name, int width) {
    return new Parameter(name, new Shape(width), Init.ZEROS);
  }

  private static List<Parameter> norm(String prefix, int width) {
    return List.of(
        new Parameter(prefix + "scale", new Shape(width), Init.ONES), bias(prefix + "bias", width));
  }

  @Override
  public List<Block> blocks(long groups, long pictures, int resolution, Precision precision) {
    int dtype = Kernels.dtype(precision);
    long tokens = pictures * imageTokens(resolution);
    long activation = 4 * tokens * config.width(); // bytes in float32
    long graph = BlockBytes.of(config, tokens, precision).graph();
    List<BlockSpec> specs = specs(resolution);
    int last = specs.size() - 1;
    List<Block> blocks = new ArrayList<>();
    long pixels = 4 * pictures * resolution * resolution * 3;
    blocks.add(new Block("vision.patch_embed", specs.get(0), List.of(dtype), pixels));
    blocks.add(new Block("vision.embeddings", specs.get(1), List.of(), 0));
    for (int i = 0; i < config.depth(); i++) {
      blocks.add(new Block("vision.layer." + i, specs.get(2 + i), List.of(dtype), graph));
    }
    blocks.add(new Block("vision.last_hidden_state", specs.get(last - 1), List.of(), activation));
    long hidden = connector == Connector.MLP ? 8 * tokens * width : 0; // twice, in float32
    blocks.add(
        new Block("projected", specs.get(last), List.of(groups, dtype), activation + hidden));
    return blocks;
  }
}
