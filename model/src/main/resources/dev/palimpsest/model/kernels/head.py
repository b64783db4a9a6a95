# Logits against the tied embedding table and their cross-entropy. h [R, D] is normalised; w: the table,
# embedding [V, D].

def head_logits(self, h: Tensor, w: Dict[str, Tensor], softcap: float, dtype: int) -> Tensor:
  z = torch.to(self.multiply(torch.to(h, dtype), torch.to(w["embedding"], dtype), self.no_bias(h)), 6)
  return self.cap(z / softcap, softcap) if softcap > 0. else z

# Rows of [B, L, D], seen as [B*L, D]
def take_rows(self, x: Tensor, rows: Tensor) -> Tensor:
  return torch.index_select(torch.flatten(x, 0, 1), 0, rows)

# The other way: gradient [B, L, D] of x, zero where no row was taken.
def take_rows_backward(self, upstream: Tensor, rows: Tensor, b: int, length: int) -> Tensor:
  x = torch.zeros([b * length, upstream.size(1)], dtype=6, device=upstream.device)
  torch.index_copy_(x, 0, rows, upstream)
  return torch.view(x, [b, length, upstream.size(1)])

# Cross-entropy by row against 1 - e (smoothing) on the target and off = e / (V - 1) elsewhere. The targets sum to one,
# so it is logsumexp(z) - sum(target * z).
def row_losses(self, z: Tensor, lse: Tensor, targets: Tensor, smoothing: float, off: float) -> Tensor:
  at_target = torch.squeeze(torch.gather(z, 1, torch.unsqueeze(targets, 1)), 1)
  loss = lse - at_target * (1. - smoothing - off)
  return loss - torch.sum(z, [1]) * off if smoothing > 0. else loss

def head_losses(self, h: Tensor, w: Dict[str, Tensor], softcap: float, dtype: int, targets: Tensor, smoothing: float, off: float) -> Tensor:
  z = self.head_logits(h, w, softcap, dtype)
  return self.row_losses(z, torch.logsumexp(z, [1]), targets, smoothing, off)

# Losses by row, and the gradient of sum(weights * losses): that of h is returned, that of the table
# added to table_gradient unless this is empty.
def head_losses_and_gradient(self, h: Tensor, w: Dict[str, Tensor], softcap: float, dtype: int, targets: Tensor, weights: Tensor, smoothing: float, off: float, table_gradient: Tensor) -> List[Tensor]:
  table = w["embedding"]
  z = self.head_logits(h, w, softcap, dtype)
  lse = torch.logsumexp(z, [1])
  losses = self.row_losses(z, lse, targets, smoothing, off)
  dz = torch.exp(z - torch.unsqueeze(lse, 1))
  if off > 0.:
    dz = torch.sub_(dz, off)
  at_target = torch.full([z.size(0), 1], off + smoothing - 1., dtype=6, device=z.device)
  dz = torch.scatter_add_(dz, 1, torch.unsqueeze(targets, 1), at_target)
  dz = torch.mul_(dz, torch.unsqueeze(weights, 1))
  if softcap > 0.:
    dz = dz * (1. - torch.square(z / softcap))
  dz = torch.to(dz, dtype)
  h = torch.to(h, dtype)
  rows = 67108864 // table.size(1)  # of the table at a time: 256 MB
  for i in range(0, table_gradient.size(0), rows):
    n = min(rows, table.size(0) - i)
    part = self.multiply_transposed(torch.narrow(dz, 1, i, n), h)
    torch.add_(torch.narrow(table_gradient, 0, i, n), part)
  dh = self.multiply(dz, torch.t(torch.to(table, dtype)), self.no_bias(h))
  return [losses, torch.to(dh, 6)]

# Log-probability of each row's target, and the margin of its logit over all others; both [R].
def row_scores(self, z: Tensor, targets: Tensor) -> List[Tensor]:
  targets = torch.unsqueeze(targets, 1)
  at_target = torch.gather(z, 1, targets)
  others = torch.amax(torch.scatter(z, 1, targets, -inf), [1])
  at_target = torch.squeeze(at_target, 1)
  return [at_target - torch.logsumexp(z, [1]), at_target - others]

def head_scores(self, h: Tensor, w: Dict[str, Tensor], softcap: float, dtype: int, targets: Tensor) -> List[Tensor]:
  return self.row_scores(self.head_logits(h, w, softcap, dtype), targets)

def concatenate(self, parts: List[Tensor]) -> Tensor:
  return torch.cat(parts, 0)

def concatenate_columns(self, parts: List[Tensor]) -> Tensor:
  return torch.cat(parts, 1)
