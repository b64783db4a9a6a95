# multiply of multiply_onednn.py for builds of libtorch without oneDNN.
def multiply(self, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
  return torch.linear(a, b, bias) if bias.numel() > 0 else torch.linear(a, b)
