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

# The first elements of a file as one flat array. If shared, writes to the array go to the file,
# which grows to the requested length. Otherwise pages are copied when they are written to.
def mapped(self, path: str, shared: bool, elements: int, dtype: int) -> Tensor:
  return torch.from_file(path, shared, elements, dtype=dtype)
