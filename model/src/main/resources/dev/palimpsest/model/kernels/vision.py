# SigLIP image tower and the connector (big_vision models/vit.py).

# images [B, S, S, 3] -> [B, N, Dv]; patches in row order, each as (channel, y, x) like the kernel
def patch_embed(self, images: Tensor, w: List[Tensor], dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  kernel = w[0]  # [Dv, 3, P, P]
  p = kernel.size(2)
  grid = images.size(1) // p
  patches = torch.view(images, [images.size(0), grid, p, grid, p, 3])
  patches = torch.permute(patches, [0, 1, 3, 5, 2, 4])
  patches = torch.reshape(patches, [images.size(0), grid * grid, 3 * p * p])
  return [torch.to(self.affine(patches, torch.flatten(kernel, 1), w[1], dtype, tape), 6)] + tape

def add_position(self, x: Tensor, w: List[Tensor]) -> List[Tensor]:
  return [x + w[0]]

# w: norm1 scale, bias; query, key, value, out kernel, bias; norm2 scale, bias; mlp in, out kernel, bias
def vision_block(self, x: Tensor, w: List[Tensor], heads: int, epsilon: float, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  b, n, d = x.size(0), x.size(1), x.size(2)
  split = [b, n, heads, d // heads]
  y = self.share(torch.to(self.layer_norm(x, w[0], w[1], epsilon), dtype), tape)
  q = torch.transpose(torch.view(self.affine(y, w[2], w[3], dtype, tape), split), 1, 2)
  k = torch.transpose(torch.view(self.affine(y, w[4], w[5], dtype, tape), split), 1, 2)
  v = torch.transpose(torch.view(self.affine(y, w[6], w[7], dtype, tape), split), 1, 2)
  y = torch.scaled_dot_product_attention(q, k, v)
  y = torch.reshape(torch.transpose(y, 1, 2), [b, n, d])
  x = self.share(x + self.affine(y, w[8], w[9], dtype, tape), tape)
  y = torch.to(self.layer_norm(x, w[10], w[11], epsilon), dtype)
  y = torch.gelu(self.affine(y, w[12], w[13], dtype, tape), approximate="tanh")
  return [x + self.affine(y, w[14], w[15], dtype, tape)] + tape

def vision_norm(self, x: Tensor, w: List[Tensor], epsilon: float) -> List[Tensor]:
  return [self.layer_norm(x, w[0], w[1], epsilon)]

# [P, N, Dv] -> [groups, P*N / groups, D]: the tokens of an example's pictures stand one after the other
def connect(self, x: Tensor, w: List[Tensor], groups: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  y = torch.to(self.affine(x, w[0], w[1], dtype, tape), 6)
  return [torch.reshape(y, [groups, x.size(0) * x.size(1) // groups, w[0].size(0)])] + tape
