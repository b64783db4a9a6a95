# Products against weights, and normalisation. Activations are [..., C], weights [O, C].
# dtype is libtorch's code of a type: 6 is float32, 15 is bfloat16.

#
# The tape. Products are differentiated by hand (backward in autograd.py), everything between them
# by autograd. So with gradients on, each product cuts autograd's graph: its output is a leaf of a
# new piece, and the tape gets an entry of five arrays, [x, w, rounded, bias, y], with which backward
# carries the gradient from y to x, w and bias; rounded is w in the format of the product, so that it
# is converted once. Two more operations cut the graph and are on the tape, marked by an empty w:
#   share   [x, -, -, -, y]: y is x, for several products to read. Their gradients are summed in y
#           before the sum goes on to x.
#   split   [x, -, -, gradient, -] for the whole, then [gradient[i], -, -, -, y_i] for each slice: every
#           slice's gradient is written to its part of one array, which is then the gradient of x.

# An empty array, which means no bias, and on the tape no weight.
def no_bias(self, x: Tensor) -> Tensor:
  return torch.empty([0], dtype=x.dtype, device=x.device)

# a [R, C] times b [O, C] transposed, plus bias [O] if that is not empty.
#
# bfloat16 is multiplied in float32 where the processor has no instructions for it, which oneDNN would
# emulate at a fifth of the speed. Operands are exact in float32, and the sum is rounded once, as it
# would be otherwise. A few rows, as while decoding, are limited by the memory from which b comes.
def multiply(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  few = a.size(0) < 32 and b.is_contiguous()
  if a.dtype == 15 and not self.has_bfloat16():
    if few:
      return self.multiply_few(a, b, bias)
    return torch.to(self.multiply_as_given(torch.to(a, 6), torch.to(b, 6), torch.to(bias, 6)), 15)
  if few and a.dtype == 6 and not a.is_cuda:
    return self.multiply_few_as_given(a, b, bias)
  return self.multiply_as_given(a, b, bias)

# The same of a few rows in bfloat16. One or two are multiplied as they are: libtorch widens b while it
# reads it, fastest if b is large and multiplies a vector. For more, b is widened in pieces that stay in
# the processor's cache.
def multiply_few(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  if a.size(0) == 1 and b.numel() >= 1048576 and bias.numel() == 0:
    return torch.unsqueeze(torch.mv(b, a[0]), 0)
  if a.size(0) <= 2:
    return self.multiply_as_given(a, b, bias)
  wide = torch.to(a, 6)
  piece = max(1, 524288 // b.size(1))
  widened = torch.empty([min(piece, b.size(0)), b.size(1)], dtype=6, device=b.device)
  parts = annotate(List[Tensor], [])
  for rows in torch.split(b, piece):
    torch.append(parts, torch.linear(wide, torch.copy_(torch.narrow(widened, 0, 0, rows.size(0)), rows)))
  y = torch.cat(parts, 1)
  if bias.numel() > 0:
    y = y + torch.to(bias, 6)
  return torch.to(y, 15)

# a^T b of a [R, O] and b [R, C]. Computed in float32 for want of bfloat16, the result stays there: a
# gradient is not rounded only to be widened again.
def multiply_transposed(self, a: Tensor, b: Tensor) -> Tensor:
  if not self.has_bfloat16():
    a, b = torch.to(a, 6), torch.to(b, 6)
  return self.multiply_transposed_as_given(a, b)

# x W^T + bias; an empty bias means none.
def affine(self, x: Tensor, w: Tensor, bias: Tensor, dtype: int, tape: List[Tensor]) -> Tensor:
  rows = torch.to(torch.reshape(x, [-1, w.size(1)]), dtype)
  rounded = torch.to(torch.detach(w), dtype)
  y = self.multiply(torch.detach(rows), rounded, torch.to(torch.detach(bias), dtype))
  if torch.is_grad_enabled():
    if x.requires_grad or w.requires_grad or bias.requires_grad:
      y = torch.requires_grad_(y, True)
      torch.extend(tape, [rows, w, rounded, bias, y])
  return torch.view(y, x.size()[:-1] + [w.size(0)])

def linear(self, x: Tensor, w: Tensor, dtype: int, tape: List[Tensor]) -> Tensor:
  return self.affine(x, w, self.no_bias(w), dtype, tape)

# x, for several products to read.
def share(self, x: Tensor, tape: List[Tensor]) -> Tensor:
  if torch.is_grad_enabled():
    if x.requires_grad:
      shared = torch.requires_grad_(torch.detach(x), True)
      torch.extend(tape, [x, self.no_bias(x), self.no_bias(x), self.no_bias(x), shared])
      return shared
  return x

# Slices of x along its first axis.
def split(self, x: Tensor, tape: List[Tensor]) -> List[Tensor]:
  if torch.is_grad_enabled():
    if x.requires_grad:
      gradient = torch.empty_like(torch.detach(x))
      torch.extend(tape, [x, self.no_bias(x), self.no_bias(x), gradient, torch.detach(x)])
      leaves = annotate(List[Tensor], [])
      for i in range(x.size(0)):
        leaf = torch.requires_grad_(torch.detach(x)[i], True)
        torch.extend(tape, [gradient[i], self.no_bias(x), self.no_bias(x), self.no_bias(x), leaf])
        torch.append(leaves, leaf)
      return leaves
  return torch.unbind(x)

# x / rms(x) * (1 + scale), in float32 (Gemma)
def rms_norm(self, x: Tensor, scale: Tensor, epsilon: float) -> Tensor:
  x = torch.to(x, 6)
  return x * torch.rsqrt(torch.mean(x * x, [-1], True) + epsilon) * (1. + scale)

# float32 (SigLIP)
def layer_norm(self, x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
  return torch.layer_norm(x, [x.size(-1)], scale, bias, epsilon)

# Attention that stores no [Lq, Lk] matrix and sums in float32. mask is added to the logits.
def fused_attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor], scale: float) -> Tensor:
  if q.dtype == 15 and not self.has_bfloat16():
    return torch.to(torch.scaled_dot_product_attention(torch.to(q, 6), torch.to(k, 6), torch.to(v, 6), mask, 0., False, scale=scale), 15)
  if mask is not None:
    mask = torch.to(mask, q.dtype)
  return torch.scaled_dot_product_attention(q, k, v, mask, 0., False, scale=scale)
