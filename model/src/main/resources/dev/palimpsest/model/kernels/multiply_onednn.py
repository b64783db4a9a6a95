# Products of multiply.py for other processors: oneDNN uses the widest instructions of any of them in
# float32, the BLAS behind matmul those of one vendor's only. Small products use matmul, which has
# less overhead.

def multiply_as_given(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  given = annotate(Optional[Tensor], None)
  if bias.numel() > 0:
    given = bias
  if a.dtype == 6 and a.size(0) >= 16 and a.numel() * b.size(0) > 4194304:
    return ops.mkldnn._linear_pointwise(a, b, given, "none", annotate(List[Optional[number]], []), "")
  return torch.linear(a, b, given)

def multiply_few_as_given(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  return self.multiply_as_given(a, b, bias)

# oneDNN copies its first operand if that is transposed in memory, so the smaller one comes first.
def multiply_transposed_as_given(self, a: Tensor, b: Tensor) -> Tensor:
  if a.size(1) > b.size(1):
    return torch.contiguous(torch.t(self.multiply_as_given(torch.t(b), torch.t(a), self.no_bias(a))))
  return self.multiply_as_given(torch.t(a), torch.t(b), self.no_bias(a))
