# Norms, AdamW and Adafactor over float32 arrays, a piece at a time, so that a piece stays in the
# processor's cache from the first operation to the last. Norms, AdamW, and Adafactor of matrices with a factored second
# moment, are for a GPU; a CPU has SquareSum.java, CpuAdam.java and CpuAdafactor.java.

def piece_length(self, x: Tensor) -> int:
  return 16777216 if x.is_cuda else 131072

def pieces(self, x: Tensor) -> List[Tensor]:
  return torch.split(torch.view(x, [-1]), self.piece_length(x))

# libtorch sums pairwise, which keeps float32 exact enough within a piece; its norm does not.
def sum_of_squares(self, x: Tensor) -> Tensor:
  return torch.sum(torch.square(x))

# The sum over pieces is in float64 and in order; every element is read once.
def total(self, sums: List[Tensor]) -> float:
  return float(torch.sum(torch.to(torch.stack(sums), 7))) if len(sums) > 0 else 0.

# The same of sums in one array.
def total_of(self, sums: Tensor) -> float:
  return float(torch.sum(torch.to(sums, 7)))

# Sums of squares of the pieces of all arrays, in order, float32. One array for all squares and one for all sums:
# small arrays that remain between large ones that come and go would scatter over as much memory as the arrays have.
def squared_sums(self, arrays: List[Tensor]) -> Tensor:
  if len(arrays) == 0:
    return torch.empty([0], dtype=6)
  count = 0
  for x in arrays:
    count = count + len(self.pieces(x))
  sums = torch.empty([count], dtype=6, device=arrays[0].device)
  squares = torch.empty([self.piece_length(arrays[0])], dtype=6, device=arrays[0].device)
  at = 0
  for x in arrays:
    for piece in self.pieces(x):
      own = torch.slice(squares, 0, 0, torch.numel(piece))
      torch.square(piece, out=own)
      torch.copy_(torch.select(sums, 0, at), torch.sum(own))
      at = at + 1
  return sums

def stacked(self, sums: List[Tensor]) -> Tensor:
  return torch.stack(sums) if len(sums) > 0 else torch.empty([0], dtype=6)

# Squared L2 norms of all arrays together, then of each, in one array of float64.
def squared_norms(self, arrays: List[Tensor]) -> Tensor:
  sums = torch.to(self.squared_sums(arrays), 7)
  norms = torch.empty([1 + len(arrays)], dtype=7, device=sums.device)
  torch.copy_(torch.select(norms, 0, 0), torch.sum(sums))
  at = 0
  for i in range(len(arrays)):
    end = at + len(self.pieces(arrays[i]))
    torch.copy_(torch.select(norms, 0, i + 1), torch.sum(torch.slice(sums, 0, at, end)))
    at = end
  return norms

# The decay of stored averages: beta in their own number format, as in big_vision, whose constants
# take that format.
def stored_decay(self, beta: float, averages: List[Tensor]) -> float:
  if len(averages) == 0:
    return beta
  return float(torch.to(torch.full([1], beta, dtype=6), averages[0].dtype))

# The new average in float32; it may be stored in bfloat16, which then decays by kept.
def moved_average(self, average: Tensor, x: Tensor, beta: float, kept: float) -> Tensor:
  if average.dtype == x.dtype:
    return torch.lerp_(average, x, 1. - beta)
  moved = torch.add(torch.mul(torch.to(average, x.dtype), kept), x, alpha=1. - beta)
  torch.copy_(average, moved)
  return moved

# big_vision's chain (optax.py): scaled gradients enter the moments, then
# p -= rate * (mu / correction1) / (sqrt(nu / correction2) + epsilon) + decay * p.
# Returns the squared norms of the update and of the new parameters. If mu is bfloat16, the update
# uses it before it is rounded.
def adam(self, parameters: List[Tensor], gradients: List[Tensor], mus: List[Tensor], nus: List[Tensor], scale: float, beta1: float, beta2: float, epsilon: float, correction1: float, correction2: float, rate: float, decay: float, step: int, fused: bool) -> List[float]:
  updates = annotate(List[Tensor], [])
  norms = annotate(List[Tensor], [])
  self.adam_pieces(parameters, gradients, mus, nus, scale, beta1, beta2, epsilon, correction1, correction2, rate, decay, step, fused, updates, norms)
  return [self.total(updates), self.total(norms)]

# The same, returning the sums of squares of the pieces: of the update, then of the new parameters.
def adam_sums(self, parameters: List[Tensor], gradients: List[Tensor], mus: List[Tensor], nus: List[Tensor], scale: float, beta1: float, beta2: float, epsilon: float, correction1: float, correction2: float, rate: float, decay: float, step: int, fused: bool) -> List[Tensor]:
  updates = annotate(List[Tensor], [])
  norms = annotate(List[Tensor], [])
  self.adam_pieces(parameters, gradients, mus, nus, scale, beta1, beta2, epsilon, correction1, correction2, rate, decay, step, fused, updates, norms)
  return [self.stacked(updates), self.stacked(norms)]

def adam_pieces(self, parameters: List[Tensor], gradients: List[Tensor], mus: List[Tensor], nus: List[Tensor], scale: float, beta1: float, beta2: float, epsilon: float, correction1: float, correction2: float, rate: float, decay: float, step: int, fused: bool, updates: List[Tensor], norms: List[Tensor]):
  kept = self.stored_decay(beta1, mus)
  for p_all, g_all, mu_all, nu_all in zip(parameters, gradients, mus, nus):
    for p, g, mu, nu in zip(self.pieces(p_all), self.pieces(g_all), self.pieces(mu_all), self.pieces(nu_all)):
      if fused:
        self.adam_fused(p, g, mu, nu, scale, beta1, beta2, epsilon, rate, decay, step, updates, norms)
      else:
        g = g * scale
        mu = self.moved_average(mu, g, beta1, kept)
        torch.addcmul_(torch.mul_(nu, beta2), g, g, value=1. - beta2)
        root = torch.add_(torch.mul_(torch.sqrt(nu), correction2 ** -0.5), epsilon)
        update = torch.mul_(torch.div(mu, root), rate / correction1)
        if decay != 0.:
          torch.add_(update, p, alpha=decay)
        torch.sub_(p, update)
        torch.append(updates, self.sum_of_squares(update))
        torch.append(norms, self.sum_of_squares(p))

# The same of one piece in float32, in half as many passes over memory; rate > 0. libtorch multiplies the
# decay by the rate. The squared norm of the update is that of what it changed.
def adam_fused(self, p: Tensor, g: Tensor, mu: Tensor, nu: Tensor, scale: float, beta1: float, beta2: float, epsilon: float, rate: float, decay: float, step: int, updates: List[Tensor], norms: List[Tensor]):
  before = torch.clone(p)
  lists = annotate(List[List[Tensor]], [])
  for x in [p, g * scale, mu, nu, torch.full([1], float(step), dtype=6, device=p.device)]:
    one = annotate(List[Tensor], [])
    torch.append(one, x)
    torch.append(lists, one)
  none = annotate(List[Tensor], [])
  torch._fused_adamw_(lists[0], lists[1], lists[2], lists[3], none, lists[4], lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay / rate, eps=epsilon, amsgrad=False, maximize=False)
  torch.append(updates, self.sum_of_squares(torch.sub_(before, p)))
  torch.append(norms, self.sum_of_squares(p))

# Adafactor (big_vision optax.py, scale_by_adafactor) of one array, in the same chain:
# p -= rate * average(g / sqrt(estimate)) + decay * p, where the average is the
# momentum, if there is one.
# The estimate is the second moment, or follows from the means of its rows and columns. clip limits
# the root mean square of what enters the average; 0 means no limit. Returns the squared norms like
# adam.
def adafactor(self, p: Tensor, g: Tensor, momentum: List[Tensor], second: List[Tensor], scale: float, beta1: float, beta2: float, clip: float, rate: float, decay: float) -> List[float]:
  kept = self.stored_decay(beta1, momentum)
  flat = len(second) == 1
  # Pieces of whole rows, or of an array without rows.
  length = self.piece_length(p) if flat else max(1, self.piece_length(p) // p.size(1))
  ps = torch.split(torch.view(p, [-1]) if flat else p, length)
  gs = torch.split(torch.view(g, [-1]) if flat else g, length)
  seconds = torch.split(torch.view(second[0], [-1]) if flat else second[0], length)
  factor = torch.empty([0], dtype=6, device=p.device)
  if flat:
    for i in range(len(ps)):
      torch.lerp_(seconds[i], torch.square(gs[i] * scale) + 1e-30, 1. - beta2)
  else:
    self.factored_moments(gs, second[0], second[1], scale, beta2)
    factor = torch.rsqrt(second[1])
  mean = torch.mean(second[0])
  limit = 1.
  if clip > 0.:
    squares = annotate(List[Tensor], [])
    for i in range(len(ps)):
      torch.append(squares, self.sum_of_squares(self.adafactor_direction(gs[i], seconds[i], factor, mean, scale)))
    limit = max(1., (self.total(squares) / p.numel()) ** 0.5 / clip)
  averages = annotate(List[Tensor], [])
  if len(momentum) > 0:
    averages = torch.split(torch.view(momentum[0], [-1]) if flat else momentum[0], length)
  updates = annotate(List[Tensor], [])
  norms = annotate(List[Tensor], [])
  for i in range(len(ps)):
    update = self.adafactor_direction(gs[i], seconds[i], factor, mean, scale)
    if limit > 1.:
      update = update / limit
    if len(momentum) > 0:
      update = self.moved_average(averages[i], update, beta1, kept)
    update = update * rate
    if decay != 0.:
      torch.add_(update, ps[i], alpha=decay)
    torch.sub_(ps[i], update)
    torch.append(updates, self.sum_of_squares(update))
    torch.append(norms, self.sum_of_squares(ps[i]))
  return [self.total(updates), self.total(norms)]

def adafactor_direction(self, g: Tensor, second: Tensor, factor: Tensor, mean: Tensor, scale: float) -> Tensor:
  g = g * scale
  if factor.numel() == 0:
    return torch.mul_(torch.rsqrt(second), g)
  return g * torch.unsqueeze(torch.rsqrt(second / mean), 1) * factor

# Updates the means of squares by row and by column; gradients in pieces of whole rows.
def factored_moments(self, gradients: List[Tensor], row: Tensor, column: Tensor, scale: float, beta2: float):
  sums = torch.zeros([column.size(0)], dtype=7, device=column.device)
  moved = annotate(List[Tensor], [])
  for piece in gradients:
    squares = torch.square(piece * scale) + 1e-30
    torch.append(moved, torch.mean(squares, [1]))
    torch.add_(sums, torch.sum(squares, [0]))
  torch.lerp_(row, torch.cat(moved), 1. - beta2)
  torch.lerp_(column, torch.to(sums / row.size(0), 6), 1. - beta2)
