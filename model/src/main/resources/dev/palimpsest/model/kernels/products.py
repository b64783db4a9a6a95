# Products against weights, and normalisation. Activations are [..., C], weights [O, C].
# dtype is libtorch's number of a type: 6 is float32, 15 is bfloat16.

def nothing(self, x: Tensor) -> Tensor:
  return torch.empty([0], dtype=x.dtype, device=x.device)

# x W^T + bias; an empty bias is none.
#
# Products are differentiated by hand (see backward in autograd.py), what lies between them by
# autograd: with gradients on, a product enters the tape as [x, w, bias, y] and its output is a leaf.
def affine(self, x: Tensor, w: Tensor, bias: Tensor, dtype: int, tape: List[Tensor]) -> Tensor:
  rows = torch.to(torch.reshape(x, [-1, w.size(1)]), dtype)
  y = self.multiply(torch.detach(rows), torch.to(torch.detach(w), dtype), torch.to(torch.detach(bias), dtype))
  if torch.is_grad_enabled():
    if x.requires_grad or w.requires_grad or bias.requires_grad:
      y = torch.requires_grad_(y, True)
      torch.extend(tape, [rows, w, bias, y])
  return torch.view(y, x.size()[:-1] + [w.size(0)])

def linear(self, x: Tensor, w: Tensor, dtype: int, tape: List[Tensor]) -> Tensor:
  return self.affine(x, w, self.nothing(w), dtype, tape)

# x, for several products to share: their gradients meet here and go on together.
def share(self, x: Tensor, tape: List[Tensor]) -> Tensor:
  if torch.is_grad_enabled():
    if x.requires_grad:
      shared = torch.requires_grad_(torch.detach(x), True)
      torch.extend(tape, [x, self.nothing(x), self.nothing(x), shared])
      return shared
  return x

# Slices of x along its first axis; their gradients fill one array that goes on as that of x.
def split(self, x: Tensor, tape: List[Tensor]) -> List[Tensor]:
  if torch.is_grad_enabled():
    if x.requires_grad:
      gradient = torch.empty_like(torch.detach(x))
      torch.extend(tape, [x, self.nothing(x), gradient, torch.detach(x)])
      leaves = annotate(List[Tensor], [])
      for i in range(x.size(0)):
        leaf = torch.requires_grad_(torch.detach(x)[i], True)
        torch.extend(tape, [gradient[i], self.nothing(x), self.nothing(x), leaf])
        torch.append(leaves, leaf)
      return leaves
  return torch.unbind(x)

# a^T b of a [R, O] and b [R, C]. multiply copies its first operand where that lies transposed: the
# smaller one is put there.
def multiply_transposed(self, a: Tensor, b: Tensor) -> Tensor:
  if a.size(1) > b.size(1):
    return torch.contiguous(torch.t(self.multiply(torch.t(b), torch.t(a), self.nothing(a))))
  return self.multiply(torch.t(a), torch.t(b), self.nothing(a))

# x / rms(x) * (1 + scale), in float32 (Gemma)
def rms_norm(self, x: Tensor, scale: Tensor, epsilon: float) -> Tensor:
  x = torch.to(x, 6)
  return x * torch.rsqrt(torch.mean(x * x, [-1], True) + epsilon) * (1. + scale)

# float32 (SigLIP)
def layer_norm(self, x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
  return torch.layer_norm(x, [x.size(-1)], scale, bias, epsilon)
