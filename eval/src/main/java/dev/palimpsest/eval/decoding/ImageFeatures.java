package dev.palimpsest.eval.decoding;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.palimpsest.files.ContentHash;
import dev.palimpsest.model.VisionLanguageModel;
import dev.palimpsest.model.blocks.Weights;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Caches the image tokens of pictures, so that several questions about a picture share them.
 * Pictures are identified by a hash of their pixels after preprocessing. The least recently used
 * ones are evicted when the memory limit is reached.
 */
final class ImageFeatures implements AutoCloseable {
  private final VisionLanguageModel model;
  private final Weights weights;
  private final NDManager manager;
  private final long bound;
  private final Map<ByteBuffer, NDArray> known = new LinkedHashMap<>(16, 0.75f, true); // [1, N, D]
  private long bytes;
  private long encoded;

  /**
   * Creates an empty cache.
   *
   * @param bound bytes that features may take between batches; 0 for no sharing between batches
   */
  ImageFeatures(VisionLanguageModel model, Weights weights, NDManager parent, long bound) {
    this.model = model;
    this.weights = weights;
    this.manager = parent.newSubManager();
    this.bound = bound;
  }

  /** The number of pictures encoded. */
  long encoded() {
    return encoded;
  }

  /**
   * The image tokens of a batch.
   *
   * @param images float32 [B, F, S, S, 3]
   * @return float32 [B, F*N, D] in {@code owner}
   */
  NDArray of(NDManager owner, NDArray images) {
    Shape shape = images.getShape();
    int pictures = Math.toIntExact(shape.get(0) * shape.get(1));
    if (pictures == 0) {
      return model.encodeImages(owner, weights, images);
    }
    try (NDManager scope = owner.newSubManager()) {
      NDArray single = images.reshape(pictures, 1, shape.get(2), shape.get(3), shape.get(4));
      single.attach(scope);
      List<ByteBuffer> keys = hashes(single);
      Map<ByteBuffer, NDArray> features = new HashMap<>(); // of this batch
      Map<ByteBuffer, NDArray> missing = new LinkedHashMap<>();
      for (int i = 0; i < pictures; i++) {
        NDArray before = known.get(keys.get(i));
        if (before != null) {
          features.put(keys.get(i), before);
        } else if (!missing.containsKey(keys.get(i))) {
          missing.put(keys.get(i), row(scope, single, i));
        }
      }
      NDArray computed = null;
      if (!missing.isEmpty()) {
        NDArray distinct = NDArrays.concat(new NDList(missing.values()));
        distinct.attach(scope);
        computed = model.encodeImages(scope, weights, distinct);
        encoded += missing.size();
        int i = 0;
        for (ByteBuffer key : missing.keySet()) {
          features.put(key, row(scope, computed, i++));
        }
      }
      NDList rows = new NDList(pictures);
      keys.forEach(key -> rows.add(features.get(key)));
      NDArray all = NDArrays.concat(rows);
      all.attach(scope);
      if (computed != null) {
        int i = 0;
        for (ByteBuffer key : missing.keySet()) {
          remember(key, row(scope, computed, i++));
        }
      }
      NDArray joined = all.reshape(shape.get(0), -1, all.getShape().get(2));
      joined.attach(owner);
      return joined;
    }
  }

  private static NDArray row(NDManager scope, NDArray array, int i) {
    NDArray row = array.get(new NDIndex("{}:{}", i, i + 1));
    row.attach(scope);
    return row;
  }

  private void remember(ByteBuffer key, NDArray features) {
    long size = features.size() * Float.BYTES;
    if (size > bound) {
      return;
    }
    NDArray own = features.duplicate(); // not a view, which would keep its whole batch in memory
    own.attach(manager);
    known.put(key, own);
    bytes += size;
    Iterator<NDArray> oldest = known.values().iterator();
    while (bytes > bound) {
      NDArray forgotten = oldest.next();
      bytes -= forgotten.size() * Float.BYTES;
      oldest.remove();
      forgotten.close();
    }
  }

  /** Hashes by picture, of float32 [P, 1, S, S, 3]. */
  private static List<ByteBuffer> hashes(NDArray pictures) {
    ByteBuffer pixels = pictures.toByteBuffer(true);
    int count = Math.toIntExact(pictures.getShape().get(0));
    int size = pixels.remaining() / count;
    List<ByteBuffer> hashes = new ArrayList<>();
    MessageDigest sha256 = ContentHash.sha256();
    for (int i = 0; i < count; i++) {
      sha256.update(pixels.slice(pixels.position() + i * size, size));
      hashes.add(ByteBuffer.wrap(sha256.digest()));
    }
    return hashes;
  }

  @Override
  public void close() {
    manager.close();
  }
}
