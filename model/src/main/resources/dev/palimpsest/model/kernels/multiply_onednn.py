# a [R, C] times b [O, C] transposed, plus bias [O] if that is not empty.
#
# float32 goes to oneDNN, which uses the widest instructions of any processor; the BLAS behind matmul
# does so on one vendor's only. It accepts operands as they are in memory, including b transposed.
# Small products use matmul, which has less overhead.
def multiply(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  given = annotate(Optional[Tensor], None)
  if bias.numel() > 0:
    given = bias
  if a.dtype == 6 and a.size(0) >= 16 and a.numel() * b.size(0) > 4194304 and not a.is_cuda:
    return ops.mkldnn._linear_pointwise(a, b, given, "none", annotate(List[Optional[number]], []), "")
  return torch.linear(a, b, given)
