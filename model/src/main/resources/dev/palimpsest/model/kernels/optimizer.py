# Norms and AdamW over lists of float32 arrays.

# Squared L2 norm of all arrays together; arrays one after the other, so equal inputs give equal bits.
def squared_norm(self, arrays: List[Tensor]) -> float:
  total = 0.
  for n in torch._foreach_norm(arrays):
    n = float(n)
    total = total + n * n
  return total
