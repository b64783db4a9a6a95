# Products against weights, and normalisation. Activations are [..., C], weights [O, C].
# dtype is libtorch's number of a type: 6 is float32, 15 is bfloat16.

# [R, C] read as one channels-last picture of R x 1 pixels with C channels; shares storage.
def as_picture(self, rows: Tensor) -> Tensor:
  return torch.permute(torch.view(rows, [1, rows.size(0), 1, rows.size(1)]), [0, 3, 1, 2])

def as_rows(self, picture: Tensor) -> Tensor:
  return torch.reshape(torch.permute(picture, [0, 2, 3, 1]), [picture.size(2), picture.size(1)])

# Many float32 rows go through a 1x1 convolution: oneDNN runs it with the processor's widest
# instructions, where the BLAS behind matmul does so on one vendor's processors only.
def is_picture(self, x: Tensor, dtype: int) -> bool:
  return dtype == 6 and x.numel() // x.size(-1) >= 32 and not x.is_cuda

# x W^T + bias
def affine(self, x: Tensor, w: Tensor, bias: Optional[Tensor], dtype: int) -> Tensor:
  shape = x.size()[:-1] + [w.size(0)]
  if self.is_picture(x, dtype):
    rows = self.as_picture(torch.reshape(x, [-1, w.size(1)]))
    kernel = torch.view(w, [w.size(0), w.size(1), 1, 1])
    return torch.reshape(self.as_rows(torch.conv2d(rows, kernel, bias)), shape)
  y = torch.matmul(torch.to(x, dtype), torch.t(torch.to(w, dtype)))
  if bias is not None:
    y = y + torch.to(bias, dtype)
  return y

def linear(self, x: Tensor, w: Tensor, dtype: int) -> Tensor:
  return self.affine(x, w, None, dtype)

# x / rms(x) * (1 + scale), in float32 (Gemma)
def rms_norm(self, x: Tensor, scale: Tensor, epsilon: float) -> Tensor:
  x = torch.to(x, 6)
  return x * torch.rsqrt(torch.mean(x * x, [-1], True) + epsilon) * (1. + scale)

# float32 (SigLIP)
def layer_norm(self, x: Tensor, scale: Tensor, bias: Tensor, epsilon: float) -> Tensor:
  return torch.layer_norm(x, [x.size(-1)], scale, bias, epsilon)
