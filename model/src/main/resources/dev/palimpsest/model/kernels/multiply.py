# Products by the BLAS behind matmul: cuBLAS on a GPU, MKL on Intel's processors, where it is faster than
# oneDNN. It takes operands as they are in memory, transposed or not.

# a [R, C] times b [O, C] transposed, plus bias [O] if that is not empty.
def multiply_as_given(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  return torch.linear(a, b, bias) if bias.numel() > 0 else torch.linear(a, b)

# a^T b of a [R, O] and b [R, C].
def multiply_transposed_as_given(self, a: Tensor, b: Tensor) -> Tensor:
  return torch.mm(torch.t(a), b)
