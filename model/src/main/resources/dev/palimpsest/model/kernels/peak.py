# Plain products, to measure what the machine can do.

# x W^T with the BLAS behind matmul, in the arguments' own type
def product(self, x: Tensor, w: Tensor) -> Tensor:
  return torch.matmul(x, torch.t(w))

# The same with the model's own products
def model_product(self, x: Tensor, w: Tensor) -> Tensor:
  return self.multiply(x, w, self.no_bias(w))
