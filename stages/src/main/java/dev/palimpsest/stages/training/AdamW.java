package dev.palimpsest.stages.training;

import ai.djl.ndarray.NDArray;
import dev.palimpsest.configs.OptimizerConfig;
import dev.palimpsest.model.blocks.Parameters;
import dev.palimpsest.model.kernels.AdamUpdate;
import dev.palimpsest.model.kernels.Kernels;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * big_vision's optimizer chain (optax.py, make; scale_by_adam): clip by global norm, Adam with bias
 * correction, times learning rate, plus decay, times schedule, subtract. Decay is not multiplied by
 * the learning rate.
 */
public final class AdamW {
  private final OptimizerConfig config;
  private final ParameterGroups groups;
  private final Kernels kernels;

  /** An optimizer of a stage; its state is in {@link TrainState}. */
  public AdamW(OptimizerConfig config, ParameterGroups groups, Kernels kernels) {
    this.config = config;
    this.groups = groups;
    this.kernels = kernels;
  }

  /** L2 norm over all gradients. */
  public double gradientNorm(Parameters gradients) {
    return kernels.l2Norm(new ArrayList<>(gradients.asMap().values()));
  }

  /**
   * Moves the trained parameters and their moments in place.
   *
   * @param gradients of the trained parameters, by name
   * @param gradientNorm their global norm
   */
  public Norms update(TrainState state, Parameters gradients, double gradientNorm) {
    double clip =
        config.clipNorm() > 0 && gradientNorm >= config.clipNorm()
            ? config.clipNorm() / gradientNorm
            : 1;
    double updates = 0;
    double parameters = 0;
    for (ParameterGroups.Group group : groups.groups()) {
      if (group.frozen()) {
        continue;
      }
      double factor = group.schedule().factor(state.scheduleExamples());
      for (boolean decays : new boolean[] {true, false}) {
        List<NDArray> p = new ArrayList<>();
        List<NDArray> g = new ArrayList<>();
        List<NDArray> mu = new ArrayList<>();
        List<NDArray> nu = new ArrayList<>();
        for (ParameterGroups.Member member : group.members()) {
          if (member.decays() == decays) {
            p.add(state.parameters().get(member.name()));
            g.add(gradients.get(member.name()));
            mu.add(state.mu().get(member.name()));
            nu.add(state.nu().get(member.name()));
          }
        }
        if (!p.isEmpty()) {
          AdamUpdate.SquaredNorms part =
              kernels.adam(
                  p,
                  g,
                  mu,
                  nu,
                  new AdamUpdate(
                      clip,
                      config.beta1(),
                      config.beta2(),
                      config.epsilon(),
                      state.updates() + 1,
                      group.learningRate() * factor,
                      decays ? config.weightDecay() * factor : 0));
          updates += part.updates();
          parameters += part.parameters();
        }
      }
    }
    return new Norms(Math.sqrt(updates), Math.sqrt(parameters));
  }

  /** Effective learning rate by group pattern. */
  public Map<String, Double> learningRates(long scheduleExamples) {
    Map<String, Double> rates = new LinkedHashMap<>();
    for (ParameterGroups.Group group : groups.groups()) {
      rates.put(
          group.pattern(),
          group.frozen() ? 0 : group.learningRate() * group.schedule().factor(scheduleExamples));
    }
    return rates;
  }

  /**
   * Norms of a step.
   *
   * @param update L2 of what was subtracted
   * @param parameters L2 of the trained parameters afterwards
   */
  public record Norms(double update, double parameters) {}
}
