# SigLIP image tower and the connector (big_vision models/vit.py). w holds a block's parameters by the
# names that SigLip.java gives them.

# images [B, S, S, 3] -> [B, N, Dv]; patches in row order, each as (channel, y, x) like the kernel. Larger
# images are cut into windows first, in row order, [B*W, side, side, 3].
def patch_embed(self, images: Tensor, w: Dict[str, Tensor], side: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  cells = images.size(1) // side
  if cells > 1:
    windows = torch.permute(torch.view(images, [images.size(0), cells, side, cells, side, 3]), [0, 1, 3, 2, 4, 5])
    images = torch.reshape(windows, [images.size(0) * cells * cells, side, side, 3])
  kernel = w["kernel"]  # [Dv, 3, P, P]
  p = kernel.size(2)
  grid = images.size(1) // p
  patches = torch.view(images, [images.size(0), grid, p, grid, p, 3])
  patches = torch.permute(patches, [0, 1, 3, 5, 2, 4])
  patches = torch.reshape(patches, [images.size(0), grid * grid, 3 * p * p])
  return [torch.to(self.affine(patches, torch.flatten(kernel, 1), w["bias"], dtype, tape), 6)] + tape

def add_position(self, x: Tensor, w: Dict[str, Tensor]) -> List[Tensor]:
  return [x + w["position_embedding"]]

def vision_block(self, x: Tensor, w: Dict[str, Tensor], heads: int, epsilon: float, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  b, n, d = x.size(0), x.size(1), x.size(2)
  split = [b, n, heads, d // heads]
  y = self.share(torch.to(self.layer_norm(x, w["norm1/scale"], w["norm1/bias"], epsilon), dtype), tape)
  q = torch.transpose(torch.view(self.affine(y, w["attention/query/kernel"], w["attention/query/bias"], dtype, tape), split), 1, 2)
  k = torch.transpose(torch.view(self.affine(y, w["attention/key/kernel"], w["attention/key/bias"], dtype, tape), split), 1, 2)
  v = torch.transpose(torch.view(self.affine(y, w["attention/value/kernel"], w["attention/value/bias"], dtype, tape), split), 1, 2)
  y = self.fused_attention(q, k, v, annotate(Optional[Tensor], None), float(d // heads) ** -0.5)
  y = torch.reshape(torch.transpose(y, 1, 2), [b, n, d])
  x = self.share(x + self.affine(y, w["attention/out/kernel"], w["attention/out/bias"], dtype, tape), tape)
  y = torch.to(self.layer_norm(x, w["norm2/scale"], w["norm2/bias"], epsilon), dtype)
  y = torch.gelu(self.affine(y, w["mlp/in/kernel"], w["mlp/in/bias"], dtype, tape), approximate="tanh")
  return [x + self.affine(y, w["mlp/out/kernel"], w["mlp/out/bias"], dtype, tape)] + tape

def vision_norm(self, x: Tensor, w: Dict[str, Tensor], epsilon: float) -> List[Tensor]:
  return [self.layer_norm(x, w["scale"], w["bias"], epsilon)]

# The same with a hidden layer.
def connect_mlp(self, x: Tensor, w: Dict[str, Tensor], groups: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  y = torch.gelu(self.affine(x, w["hidden/kernel"], w["hidden/bias"], dtype, tape), approximate="tanh")
  y = torch.to(self.affine(y, w["kernel"], w["bias"], dtype, tape), 6)
  return [torch.reshape(y, [groups, x.size(0) * x.size(1) // groups, w["kernel"].size(0)])] + tape

# [P, N, Dv] -> [groups, P*N / groups, D]: the tokens of an example's pictures follow each other
def connect(self, x: Tensor, w: Dict[str, Tensor], groups: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  y = torch.to(self.affine(x, w["kernel"], w["bias"], dtype, tape), 6)
  return [torch.reshape(y, [groups, x.size(0) * x.size(1) // groups, w["kernel"].size(0)])] + tape
