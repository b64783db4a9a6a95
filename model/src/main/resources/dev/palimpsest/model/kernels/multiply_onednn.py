# a [R, C] times b [O, C] transposed, plus bias [O] if that is not empty.
#
# bfloat16 is multiplied in float32 where the processor has no instructions for it, which oneDNN would
# emulate at a fifth of the speed. Operands are exact in float32, and the sum is rounded once, as it
# would be otherwise. A few rows are limited by memory: there the shorter format wins.
def multiply(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  if a.dtype == 15 and a.size(0) >= 32 and not self.has_bfloat16():
    return torch.to(self.multiply_in(torch.to(a, 6), torch.to(b, 6), torch.to(bias, 6)), 15)
  return self.multiply_in(a, b, bias)

# multiply in the operands' own format.
#
# float32 goes to oneDNN, which uses the widest instructions of any processor; the BLAS behind matmul
# does so on one vendor's only. It accepts operands as they are in memory, including b transposed.
# Small products use matmul, which has less overhead.
def multiply_in(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  given = annotate(Optional[Tensor], None)
  if bias.numel() > 0:
    given = bias
  if a.dtype == 6 and a.size(0) >= 16 and a.numel() * b.size(0) > 4194304 and not a.is_cuda:
    return ops.mkldnn._linear_pointwise(a, b, given, "none", annotate(List[Optional[number]], []), "")
  return torch.linear(a, b, given)
