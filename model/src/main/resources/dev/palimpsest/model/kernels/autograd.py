# Gradients of one block at a time. A block's kernel returns its output and, with gradients on, the
# tape of its products in order (see products.py).

# The same storage as leaves of a new graph.
def leaves(self, arrays: List[Tensor]) -> List[Tensor]:
  out = annotate(List[Tensor], [])
  for a in arrays:
    torch.append(out, torch.requires_grad_(torch.detach(a), True))
  return out

# The number of the leaf that an array is, or -1.
def leaf_number(self, x: Tensor, leaves: List[Tensor]) -> int:
  for i in range(len(leaves)):
    if leaves[i] is x:
      return i
  return -1

# upstream^T dy/dx for each x in leaves: autograd down to the last product's output, this product by
# hand, autograd from its input down to the product before, and so on. The gradient of a leaf that is a
# product's matrix, and nothing else, is taken as it is: autograd would copy it.
def backward(self, recorded: List[Tensor], leaves: List[Tensor], upstream: Tensor) -> List[Tensor]:
  torch.backward([recorded[0]], annotate(List[Optional[Tensor]], [upstream]))
  products = (len(recorded) - 1) // 5
  of_leaves = annotate(List[Tensor], [])
  for leaf in leaves:
    torch.append(of_leaves, self.no_bias(leaf))
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
        dw = torch.to(self.multiply_transposed(dy, torch.detach(x)), w.dtype)
        number = self.leaf_number(w, leaves)
        if number >= 0:
          of_leaves[number] = dw if of_leaves[number].numel() == 0 else of_leaves[number] + dw
        else:
          torch.append(inputs, w)
          torch.append(gradients, dw)
      if bias.requires_grad:
        torch.append(inputs, bias)
        torch.append(gradients, torch.sum(torch.to(dy, bias.dtype), [0]))
      if x.requires_grad:
        torch.append(inputs, x)
        torch.append(gradients, self.multiply(dy, torch.t(rounded), self.no_bias(x)))
    if len(inputs) > 0:
      torch.backward(inputs, gradients)
  out = annotate(List[Tensor], [])
  for i in range(len(leaves)):
    torch.append(out, of_leaves[i] if of_leaves[i].numel() > 0 else leaves[i].grad)
  return out
