# A tower whose kernel has the name of one in layer.py
def layer(self, x: Tensor) -> Tensor:
  return x
