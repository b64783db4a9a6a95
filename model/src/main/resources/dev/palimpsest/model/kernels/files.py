# Arrays whose memory is a file's.

# The first elements of a file as one flat array. Shared: what is written to the array is written to
# the file, which grows to the length asked for. Otherwise pages are copied when they are written to.
def mapped(self, path: str, shared: bool, elements: int, dtype: int) -> Tensor:
  return torch.from_file(path, shared, elements, dtype=dtype)
