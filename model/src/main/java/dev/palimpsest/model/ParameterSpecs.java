package dev.palimpsest.model;

import ai.djl.ndarray.types.Shape;
import dev.palimpsest.configs.LanguageConfig;
import dev.palimpsest.configs.ModelConfig;
import dev.palimpsest.configs.VisionConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The project's own parameter names and shapes, in order. Every matrix is {@code [out, in]}. The
 * image tower's and the connector's matrices are called {@code kernel} and the decoder's {@code w},
 * as in big_vision, so that the reference's weight-decay pattern {@code .*}{@code /kernel} means
 * the same set here.
 *
 * <pre>
 * vision/embedding/kernel [Dv, 3, P, P]   vision/embedding/bias [Dv]   vision/position_embedding [N, Dv]
 * vision/blocks/i/norm1/{scale,bias} [Dv]
 * vision/blocks/i/attention/{query,key,value,out}/{kernel [Dv, Dv], bias [Dv]}
 * vision/blocks/i/norm2/{scale,bias} [Dv]
 * vision/blocks/i/mlp/in/{kernel [Mv, Dv], bias [Mv]}   vision/blocks/i/mlp/out/{kernel [Dv, Mv], bias [Dv]}
 * vision/norm/{scale,bias} [Dv]
 * connector/kernel [D, Dv]   connector/bias [D]
 * language/embedding [V, D]
 * language/blocks/i/attention_norm/scale [D]
 * language/blocks/i/attention/query/w [H*h, D]   .../{key,value}/w [K*h, D]   .../out/w [D, H*h]
 * language/blocks/i/post_attention_norm/scale [D]   (Gemma 2)
 * language/blocks/i/mlp_norm/scale [D]
 * language/blocks/i/mlp/{gate,up}/w [M, D]   .../down/w [D, M]
 * language/blocks/i/post_mlp_norm/scale [D]   (Gemma 2)
 * language/norm/scale [D]
 * </pre>
 */
public final class ParameterSpecs {
  private ParameterSpecs() {}

  /** All names and shapes of a model at a resolution. */
  public static Map<String, Shape> of(ModelConfig model, int resolution) {
    Map<String, Shape> specs = new LinkedHashMap<>();
    vision(specs, model.vision(), resolution);
    specs.put("connector/kernel", new Shape(model.language().width(), model.vision().width()));
    specs.put("connector/bias", new Shape(model.language().width()));
    language(specs, model.language());
    return specs;
  }

  private static void vision(Map<String, Shape> specs, VisionConfig c, int resolution) {
    Shape width = new Shape(c.width());
    specs.put("vision/embedding/kernel", new Shape(c.width(), 3, c.patchSize(), c.patchSize()));
    specs.put("vision/embedding/bias", width);
    specs.put("vision/position_embedding", new Shape(c.imageTokens(resolution), c.width()));
    for (int i = 0; i < c.depth(); i++) {
      String block = "vision/blocks/" + i + "/";
      specs.put(block + "norm1/scale", width);
      specs.put(block + "norm1/bias", width);
      for (String part : new String[] {"query", "key", "value", "out"}) {
        specs.put(block + "attention/" + part + "/kernel", new Shape(c.width(), c.width()));
        specs.put(block + "attention/" + part + "/bias", width);
      }
      specs.put(block + "norm2/scale", width);
      specs.put(block + "norm2/bias", width);
      specs.put(block + "mlp/in/kernel", new Shape(c.mlpWidth(), c.width()));
      specs.put(block + "mlp/in/bias", new Shape(c.mlpWidth()));
      specs.put(block + "mlp/out/kernel", new Shape(c.width(), c.mlpWidth()));
      specs.put(block + "mlp/out/bias", width);
    }
    specs.put("vision/norm/scale", width);
    specs.put("vision/norm/bias", width);
  }

  private static void language(Map<String, Shape> specs, LanguageConfig c) {
    Shape width = new Shape(c.width());
    long queries = (long) c.heads() * c.headDim();
    long keys = (long) c.keyValueHeads() * c.headDim();
    specs.put("language/embedding", new Shape(c.vocabulary(), c.width()));
    for (int i = 0; i < c.depth(); i++) {
      String block = "language/blocks/" + i + "/";
      specs.put(block + "attention_norm/scale", width);
      specs.put(block + "attention/query/w", new Shape(queries, c.width()));
      specs.put(block + "attention/key/w", new Shape(keys, c.width()));
      specs.put(block + "attention/value/w", new Shape(keys, c.width()));
      specs.put(block + "attention/out/w", new Shape(c.width(), queries));
      if (c.postNorms()) {
        specs.put(block + "post_attention_norm/scale", width);
      }
      specs.put(block + "mlp_norm/scale", width);
      specs.put(block + "mlp/gate/w", new Shape(c.mlpWidth(), c.width()));
      specs.put(block + "mlp/up/w", new Shape(c.mlpWidth(), c.width()));
      specs.put(block + "mlp/down/w", new Shape(c.width(), c.mlpWidth()));
      if (c.postNorms()) {
        specs.put(block + "post_mlp_norm/scale", width);
      }
    }
    specs.put("language/norm/scale", width);
  }
}
