package dev.palimpsest.model.kernels;

/**
 * The numbers of one Adafactor update in big_vision's chain (optax.py): {@code p -= rate * m +
 * decay * p}, where m is the momentum of {@code g / sqrt(second moment)}.
 *
 * @param gradientScale factor on gradients before they are used
 * @param beta1 decay of the momentum
 * @param beta2 decay of the second moment at this update
 * @param clip the largest root mean square of an array's {@code g / sqrt(second moment)}; 0 for no
 *     limit
 * @param rate learning rate times schedule
 * @param decay weight decay times schedule, not times the learning rate
 */
public record AdafactorUpdate(
    double gradientScale, double beta1, double beta2, double clip, double rate, double decay) {}
