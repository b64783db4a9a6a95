# Creation of arrays. The engine's own calls cannot create arrays of bfloat16.

# Zeros on the device of another array.
def zeros(self, like: Tensor, shape: List[int], dtype: int) -> Tensor:
  return torch.zeros(shape, dtype=dtype, device=like.device)

# A copy on the device of another array.
def converted(self, x: Tensor, like: Tensor, dtype: int) -> Tensor:
  return torch.to(x, like.device, dtype, False, True)

# A copy on the device of another array of the same type. The pinned memory between is libtorch's own,
# which keeps it until the copy is done; nothing waits for that.
def uploaded(self, x: Tensor, like: Tensor) -> Tensor:
  return torch.to(torch.pin_memory(x), like, True, False)

def assign(self, to: Tensor, x: Tensor) -> Tensor:
  return torch.copy_(to, x)

# Adds to a sum. Zeros that take no memory (their elements are all one) become the first summand: its copy
# in the place that is given, or itself.
def accumulate(self, total: Tensor, x: Tensor, places: List[Tensor]) -> Tensor:
  if total.is_contiguous():
    return torch.add_(total, x)
  if len(places) > 0:
    return torch.set_(total, torch.copy_(places[0], x))
  if x.is_contiguous() and x.dtype == total.dtype:
    return torch.set_(total, x)
  return torch.set_(total, torch.contiguous(torch.to(x, total.dtype)))

# Gives such zeros memory: the place that is given, or their own.
def settle(self, total: Tensor, places: List[Tensor]) -> Tensor:
  if total.is_contiguous():
    return total
  if len(places) > 0:
    return torch.set_(total, torch.zero_(places[0]))
  return torch.set_(total, torch.contiguous(total))

# Makes a sum such zeros again. (One of a single element has memory always.)
def release(self, total: Tensor) -> Tensor:
  if total.numel() == 1:
    return torch.zero_(total)
  zero = torch.zeros([1], dtype=total.dtype, device=total.device)
  return torch.set_(total, torch.expand(zero, total.size()))

# The first elements of a file as one flat array. If shared, writes to the array go to the file,
# which grows to the requested length. Otherwise pages are copied when they are written to.
def mapped(self, path: str, shared: bool, elements: int, dtype: int) -> Tensor:
  return torch.from_file(path, shared, elements, dtype=dtype)
