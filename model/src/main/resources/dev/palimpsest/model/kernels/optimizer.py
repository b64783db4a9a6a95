# Norms and AdamW over lists of float32 arrays, a piece at a time: a piece stays in the processor's
# cache from the first operation to the last.

def pieces(self, x: Tensor) -> List[Tensor]:
  return torch.split(torch.view(x, [-1]), 16777216 if x.is_cuda else 131072)

# libtorch sums pairwise, which keeps float32 exact enough within a piece; its norm does not.
def sum_of_squares(self, x: Tensor) -> Tensor:
  return torch.sum(torch.square(x))

# Over pieces in float64 and in order, read once.
def total(self, sums: List[Tensor]) -> float:
  return float(torch.sum(torch.to(torch.stack(sums), 7))) if len(sums) > 0 else 0.

# Squared L2 norm of all arrays together.
def squared_norm(self, arrays: List[Tensor]) -> float:
  sums = annotate(List[Tensor], [])
  for x in arrays:
    for piece in self.pieces(x):
      torch.append(sums, self.sum_of_squares(piece))
  return self.total(sums)

# big_vision's chain (optax.py): scaled gradients enter the moments, then
# p -= rate * (mu / correction1) / (sqrt(nu / correction2) + epsilon) + decay * p.
# Returns the squared norms of the update and of the new parameters.
def adam(self, parameters: List[Tensor], gradients: List[Tensor], mus: List[Tensor], nus: List[Tensor], scale: float, beta1: float, beta2: float, epsilon: float, correction1: float, correction2: float, rate: float, decay: float) -> List[float]:
  updates = annotate(List[Tensor], [])
  norms = annotate(List[Tensor], [])
  for p_all, g_all, mu_all, nu_all in zip(parameters, gradients, mus, nus):
    for p, g, mu, nu in zip(self.pieces(p_all), self.pieces(g_all), self.pieces(mu_all), self.pieces(nu_all)):
      g = g * scale
      torch.lerp_(mu, g, 1. - beta1)
      torch.addcmul_(torch.mul_(nu, beta2), g, g, value=1. - beta2)
      root = torch.add_(torch.mul_(torch.sqrt(nu), correction2 ** -0.5), epsilon)
      update = torch.mul_(torch.div(mu, root), rate / correction1)
      if decay != 0.:
        torch.add_(update, p, alpha=decay)
      torch.sub_(p, update)
      torch.append(updates, self.sum_of_squares(update))
      torch.append(norms, self.sum_of_squares(p))
  return [self.total(updates), self.total(norms)]
