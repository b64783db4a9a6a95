# Gradients of one block at a time.

# The same storage as leaves of a new graph.
def leaves(self, arrays: List[Tensor]) -> List[Tensor]:
  out = annotate(List[Tensor], [])
  for a in arrays:
    out = out + [torch.requires_grad_(torch.detach(a), True)]
  return out

# upstream^T dy/dx for each x in inputs
def vector_jacobian(self, y: Tensor, inputs: List[Tensor], upstream: Tensor) -> List[Tensor]:
  out = annotate(List[Tensor], [])
  for g in torch.grad([y], inputs, annotate(List[Optional[Tensor]], [upstream])):
    out = out + [unchecked_cast(Tensor, g)]
  return out

# Adds each array to its sum.
def accumulate(self, sums: List[Tensor], arrays: List[Tensor]) -> int:
  torch._foreach_add_(sums, arrays)
  return 0
