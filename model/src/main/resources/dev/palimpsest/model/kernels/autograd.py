# Gradients of one block at a time. A block's kernel returns its output and, with gradients on, the
# tape of its products in order (see products.py).

# The same storage as leaves of a new graph.
def leaves(self, arrays: List[Tensor]) -> List[Tensor]:
  out = annotate(List[Tensor], [])
  for a in arrays:
    torch.append(out, torch.requires_grad_(torch.detach(a), True))
  return out

# upstream^T dy/dx for each x in leaves: autograd down to the last product's output, this product by
# hand, autograd from its input down to the product before, and so on.
def backward(self, recorded: List[Tensor], leaves: List[Tensor], upstream: Tensor) -> List[Tensor]:
  torch.backward([recorded[0]], annotate(List[Optional[Tensor]], [upstream]))
  products = (len(recorded) - 1) // 5
  for i in range(products):
    at = 1 + 5 * (products - 1 - i)
    x, w, rounded, bias, y = recorded[at], recorded[at + 1], recorded[at + 2], recorded[at + 3], recorded[at + 4]
    dy = y.grad if y.requires_grad else y  # y itself: a split, whose slices brought its gradient
    inputs = annotate(List[Tensor], [])
    gradients = annotate(List[Optional[Tensor]], [])
    if w.numel() == 0 and not x.requires_grad:  # a slice of a split
      torch.copy_(x, dy)
    elif w.numel() == 0:  # shared or split
      torch.append(inputs, x)
      torch.append(gradients, bias if bias.numel() > 0 else dy)
    else:
      if w.requires_grad:
        torch.append(inputs, w)
        torch.append(gradients, torch.to(self.multiply_transposed(dy, torch.detach(x)), w.dtype))
      if bias.requires_grad:
        torch.append(inputs, bias)
        torch.append(gradients, torch.sum(torch.to(dy, bias.dtype), [0]))
      if x.requires_grad:
        torch.append(inputs, x)
        torch.append(gradients, self.multiply(dy, torch.t(rounded), self.no_bias(x)))
    if len(inputs) > 0:
      torch.backward(inputs, gradients)
  out = annotate(List[Tensor], [])
  for leaf in leaves:
    torch.append(out, leaf.grad)
  return out
