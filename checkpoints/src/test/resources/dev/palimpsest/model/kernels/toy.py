# The kernels of a toy image tower. See ToyTowerTest.


# images [P, S, S, 3] -> [P, N, D]: the mean of each square, times a matrix
def toy_squares(self, x: Tensor, w: Dict[str, Tensor], side: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  grid = x.size(1) // side
  squares = torch.view(x, [x.size(0), grid, side, grid, side, 3])
  squares = torch.reshape(torch.mean(squares, [2, 4]), [x.size(0), grid * grid, 3])
  return [torch.to(self.affine(squares, w["kernel"], w["bias"], dtype, tape), 6)] + tape

# [P, N, D] -> [groups, P*N / groups, D]
def toy_scale(self, x: Tensor, w: Dict[str, Tensor], groups: int) -> List[Tensor]:
  y = x * w["scale"]
  return [torch.reshape(y, [groups, x.size(0) * x.size(1) // groups, x.size(2)])]
