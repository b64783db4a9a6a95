# Products by the BLAS behind matmul: cuBLAS on a GPU, MKL on Intel's processors, where it is faster than
# oneDNN. It takes operands as they are in memory, transposed or not.

# a [R, C] times b [O, C] transposed, plus bias [O] if that is not empty.
def multiply_as_given(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  return torch.linear(a, b, bias) if bias.numel() > 0 else torch.linear(a, b)

# The same of a few rows of float32, and of a contiguous b. From four rows on MKL copies b before it multiplies,
# unless b is the first operand and in parts; for a small b that costs more than it saves.
def multiply_few_as_given(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  parts = 64
  if a.size(0) < 4 or b.numel() < 4194304 or b.size(0) % parts > 0:
    return self.multiply_as_given(a, b, bias)
  columns = torch.expand(torch.unsqueeze(torch.contiguous(torch.t(a)), 0), [parts, a.size(1), a.size(0)])
  y = torch.bmm(torch.view(b, [parts, -1, b.size(1)]), columns)
  y = torch.contiguous(torch.t(torch.view(y, [b.size(0), a.size(0)])))
  return y + bias if bias.numel() > 0 else y

# a^T b of a [R, O] and b [R, C].
def multiply_transposed_as_given(self, a: Tensor, b: Tensor) -> Tensor:
  return torch.mm(torch.t(a), b)
