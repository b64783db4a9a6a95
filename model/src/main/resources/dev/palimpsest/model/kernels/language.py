# Gemma decoder, first and second generation (big_vision models/ppp/gemma.py; the sliding window is
# Hugging Face's). w holds a block's parameters by the names that Gemma.java and Embedding.java give
# them.

# [...] -> [..., D]
def embed_text(self, text: Tensor, w: Dict[str, Tensor]) -> Tensor:
  table = w["embedding"]
  return torch.to(torch.embedding(table, text), 6) * torch.sqrt(float(table.size(1)))

# Image tokens [.., .., D] and embedded text [., D] at their places in sequences. sources [R, L]
# numbers image tokens, then text tokens, then the zeros that fill short sequences. -> [R, L, D]
def lay_out(self, image: Tensor, text: Tensor, sources: Tensor) -> Tensor:
  filling = torch.zeros([1, text.size(1)], dtype=6, device=text.device)
  tokens = torch.cat([torch.flatten(image, 0, 1), text, filling])
  return torch.view(torch.index_select(tokens, 0, torch.flatten(sources)), [sources.size(0), sources.size(1), -1])

# Adds the gradient of embed_text to that of the table; text [.], upstream [., D].
def embed_text_backward(self, table_gradient: Tensor, text: Tensor, upstream: Tensor) -> int:
  d = table_gradient.size(1)
  rows = torch.reshape(upstream, [-1, d]) * torch.sqrt(float(d))
  if text.is_cuda:
    return self.add_rows(table_gradient, torch.flatten(text), rows)
  torch.index_add_(table_gradient, 0, torch.flatten(text), rows)
  return 0

# index_add_ for a GPU, where that adds up in any order: this one sorts the rows first.
def add_rows(self, to: Tensor, places: Tensor, rows: Tensor) -> int:
  torch.index_put_(to, annotate(List[Optional[Tensor]], [places]), rows, True)
  return 0

# Which tokens attend to which, [R, L, L]: within an example, each token to those of its own step
# and of earlier ones.
# segments and steps [R, L]: a token's example, and the sum of the example's mask_ar up to the token.
def visible(self, segments: Tensor, steps: Tensor) -> Tensor:
  earlier = torch.unsqueeze(steps, 1) <= torch.unsqueeze(steps, 2)
  return torch.logical_and(earlier, torch.unsqueeze(segments, 1) == torch.unsqueeze(segments, 2))

# Prompts: real tokens among the first (bidirectional) ones are visible to all, [B, 1, L] if these are all
# tokens, and later ones to those after them, [B, L, L].
def prompt_visible(self, lengths: Tensor, length: int, bidirectional: int) -> Tensor:
  places = torch.arange(length, dtype=4, device=lengths.device)
  keys = torch.view(places, [1, 1, -1])
  real = keys < torch.view(lengths, [-1, 1, 1])
  if bidirectional >= length:
    return real
  seen = torch.logical_or(keys <= torch.view(places, [1, -1, 1]), keys < bidirectional)
  return torch.logical_and(real, seen)

# From visible keys to the mask that is added to attention logits; with a window, keys at
# j <= i - window are hidden.
# query_positions [B or 1, Lq], key_positions [B or 1, Lk], visible [B, Lq or 1, Lk] -> [B, 1, Lq, Lk]
def attention_mask(self, visible: Tensor, query_positions: Tensor, key_positions: Tensor, window: int) -> Tensor:
  if window > 0:
    near = torch.unsqueeze(key_positions, 1) > torch.unsqueeze(query_positions, 2) - window
    visible = torch.logical_and(visible, near)
  shape = [visible.size(0), 1, query_positions.size(1), visible.size(2)]
  hidden = torch.logical_not(torch.expand(torch.unsqueeze(visible, 1), shape))
  return torch.masked_fill(torch.zeros(shape, dtype=6, device=visible.device), hidden, -inf)

# Positions for rotation when those of image tokens, which come first, are divided; positions and images,
# the number of image tokens before each one's text, int64 [B or 1, L or 1]
def divided_positions(self, positions: Tensor, images: Tensor, factor: float) -> Tensor:
  text = torch.to(positions - images, 7) + torch.to(images, 7) / factor
  return torch.where(positions < images, torch.to(positions, 7) / factor, text)

# Cosines and sines of positions [B or 1, L] -> [2, B or 1, L, 1, h/2]
def rotary(self, positions: Tensor, head_dim: int, theta: float) -> Tensor:
  i = torch.arange(head_dim // 2, dtype=7, device=positions.device)
  frequency = torch.exp(i * (-2. * torch.log(theta) / float(head_dim)))
  angle = torch.unsqueeze(torch.to(positions, 7), -1) * frequency
  return torch.to(torch.unsqueeze(torch.stack([torch.cos(angle), torch.sin(angle)]), 3), 6)

# c * tanh(x / c), given x / c
def cap(self, x: Tensor, softcap: float) -> Tensor:
  return torch.tanh(x) * softcap if softcap > 0. else x

# Rotates the two halves of each head, in float32; x [B, L, heads, h].
def rotate(self, x: Tensor, rotary: Tensor) -> Tensor:
  half = x.size(-1) // 2
  a = torch.to(torch.narrow(x, -1, 0, half), 6)
  b = torch.to(torch.narrow(x, -1, half, half), 6)
  cos, sin = rotary[0], rotary[1]
  return torch.to(torch.cat([a * cos - b * sin, b * cos + a * sin], -1), x.dtype)

# q [B, H, Lq, h], k and v [B, K, Lk, h], mask [B, 1, Lq, Lk] -> [B, Lq, H*h]
# spans as attend_in_parts takes them; if it is empty, a mask is added to all logits.
#
# Short float32 sequences are faster with multiply; the fused kernel does not support soft-caps.
def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, spans: List[int], scale: float, softcap: float, tape: List[Tensor]) -> Tensor:
  b, heads, n, h = q.size(0), q.size(1), q.size(2), q.size(3)
  groups, keys = k.size(1), k.size(2)
  group = heads // groups
  if len(spans) > 0:
    out = self.attend_in_parts(q, k, v, mask, spans, scale)
  elif softcap > 0. and q.is_cuda:
    out = self.attend_together(q, k, v, mask, scale, softcap)
  elif softcap > 0. or (q.dtype == 6 and keys <= 1024 and n > 1 and not q.is_cuda):
    # Query heads that share keys are stacked, so that one product computes all of them.
    scaled = torch.reshape(q * (scale / softcap if softcap > 0. else scale), [b * groups, group * n, h])
    qs = self.split(scaled, tape)
    ks = self.split(torch.reshape(k, [b * groups, keys, h]), tape)
    vs = self.split(torch.reshape(v, [b * groups, keys, h]), tape)
    y = annotate(List[Tensor], [])
    for i in range(b * groups):
      s = torch.to(self.linear(qs[i], ks[i], q.dtype, tape), 6)
      s = torch.view(self.cap(s, softcap), [group, n, keys]) + mask[i // groups]
      p = torch.view(torch.softmax(s, -1), [group * n, keys])
      torch.append(y, self.linear(p, torch.t(vs[i]), q.dtype, tape))
    out = torch.view(torch.cat(y), [b, heads, n, h])
  else:
    out = self.fused_attention(q, self.for_each_head(k, heads), self.for_each_head(v, heads), mask, scale)
  return torch.reshape(torch.transpose(out, 1, 2), [b, n, heads * h])

# Keys or values, copied for the query heads that share them.
def for_each_head(self, x: Tensor, heads: int) -> Tensor:
  b, groups, keys, h = x.size(0), x.size(1), x.size(2), x.size(3)
  return torch.reshape(torch.expand(torch.unsqueeze(x, 2), [b, groups, heads // groups, keys, h]), [b, heads, keys, h])

# Attention of long sequences on a GPU. A GPU's fastest kernels take no mask, and grouped queries as they are. The
# tokens of a prefix, most of them of a picture, all see each other and need no mask; the few others get
# their part of it. spans has four numbers for each example, in the order of their places: its row, and there its
# first place, the first after its prefix and the first after it. Places of no example become zero. -> [B, H, L, h]
def attend_in_parts(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, spans: List[int], scale: float) -> Tensor:
  b, heads, n, h = q.size(0), q.size(1), q.size(2), q.size(3)
  parts = annotate(List[Tensor], [])
  done = 0
  for i in range(len(spans) // 4):
    row, first, middle, end = spans[4 * i], spans[4 * i + 1], spans[4 * i + 2], spans[4 * i + 3]
    gap = row * n + first - done
    if gap > 0:
      torch.append(parts, torch.zeros([1, heads, gap, h], dtype=q.dtype, device=q.device))
    done = row * n + end
    qs, ks, vs = torch.narrow(q, 0, row, 1), torch.narrow(k, 0, row, 1), torch.narrow(v, 0, row, 1)
    prefix = middle - first
    torch.append(parts, self.attend_unmasked(torch.narrow(qs, 2, first, prefix), torch.narrow(ks, 2, first, prefix), torch.narrow(vs, 2, first, prefix), scale))
    if end > middle:
      seen = torch.narrow(torch.narrow(torch.narrow(mask, 0, row, 1), 2, middle, end - middle), 3, first, end - first)
      ks, vs = torch.narrow(ks, 2, first, end - first), torch.narrow(vs, 2, first, end - first)
      torch.append(parts, self.fused_attention(torch.narrow(qs, 2, middle, end - middle), self.for_each_head(ks, heads), self.for_each_head(vs, heads), seen, scale))
  if b * n > done:
    torch.append(parts, torch.zeros([1, heads, b * n - done, h], dtype=q.dtype, device=q.device))
  return torch.transpose(torch.view(torch.cat(parts, 2), [heads, b, n, h]), 0, 1)

# Those kernels compute in bfloat16 only.
def attend_unmasked(self, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
  if q.dtype == 15 and self.has_bfloat16():
    return torch.scaled_dot_product_attention(q, k, v, None, 0., False, scale=scale, enable_gqa=True)
  return self.fused_attention(q, self.for_each_head(k, q.size(1)), self.for_each_head(v, q.size(1)), None, scale)

# The same with one product for all examples and heads, for a GPU: a loop of small ones would leave most of it
# idle. Query heads that share keys are stacked, so keys and values are not copied. -> [B, H, Lq, h]
def attend_together(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float, softcap: float) -> Tensor:
  b, heads, n, h = q.size(0), q.size(1), q.size(2), q.size(3)
  groups, keys = k.size(1), k.size(2)
  group = heads // groups
  stacked = torch.reshape(q * (scale / softcap if softcap > 0. else scale), [b * groups, group * n, h])
  s = torch.bmm(stacked, torch.transpose(torch.reshape(k, [b * groups, keys, h]), 1, 2))
  s = torch.view(self.cap(torch.to(s, 6), softcap), [b, groups, group, n, keys]) + torch.unsqueeze(mask, 2)
  p = torch.view(torch.to(torch.softmax(s, -1), q.dtype), [b * groups, group * n, keys])
  return torch.view(torch.bmm(p, torch.reshape(v, [b * groups, keys, h])), [b, heads, n, h])

# Normalises, projects and rotates. q [B, H, L, h], k and v [B, K, L, h]
def queries_keys_values(self, x: Tensor, w: Dict[str, Tensor], rotary: Tensor, head_dim: int, epsilon: float, dtype: int, tape: List[Tensor]) -> List[Tensor]:
  split = [x.size(0), x.size(1), -1, head_dim]
  y = self.share(torch.to(self.rms_norm(x, w["attention_norm/scale"], epsilon), dtype), tape)
  q = self.rotate(torch.view(self.linear(y, w["attention/query/w"], dtype, tape), split), rotary)
  k = self.rotate(torch.view(self.linear(y, w["attention/key/w"], dtype, tape), split), rotary)
  v = torch.view(self.linear(y, w["attention/value/w"], dtype, tape), split)
  return [torch.transpose(q, 1, 2), torch.transpose(k, 1, 2), torch.transpose(v, 1, 2)]

# Drops elements independently; equal seeds drop the same ones.
def drop(self, x: Tensor, rate: float, seed: int) -> Tensor:
  if rate > 0.:
    keep = torch.bernoulli_(torch.empty_like(x), 1. - rate, generator=torch.Generator(device=x.device, seed=seed))
    x = x * keep * (1. / (1. - rate))
  return x

# The rest of a block after attention. With post-norms, the output of attention is normalised and
# then dropped, that of the MLP dropped and then normalised, as in the reference.
def after_attention(self, x: Tensor, y: Tensor, w: Dict[str, Tensor], epsilon: float, post_norms: bool, rate: float, attention_seed: int, mlp_seed: int, dtype: int, tape: List[Tensor]) -> Tensor:
  y = self.linear(y, w["attention/out/w"], dtype, tape)
  if post_norms:
    y = self.rms_norm(y, w["post_attention_norm/scale"], epsilon)
  x = self.share(x + self.drop(y, rate, attention_seed), tape)
  y = self.share(torch.to(self.rms_norm(x, w["mlp_norm/scale"], epsilon), dtype), tape)
  gate = torch.gelu(self.linear(y, w["mlp/gate/w"], dtype, tape), approximate="tanh")
  y = self.linear(gate * self.linear(y, w["mlp/up/w"], dtype, tape), w["mlp/down/w"], dtype, tape)
  y = self.drop(y, rate, mlp_seed)
  if post_norms:
    y = self.rms_norm(y, w["post_mlp_norm/scale"], epsilon)
  return x + y

def language_block(self, x: Tensor, w: Dict[str, Tensor], head_dim: int, scale: float, softcap: float, epsilon: float, post_norms: bool, rotary: Tensor, mask: Tensor, spans: List[int], rate: float, attention_seed: int, mlp_seed: int, dtype: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  qkv = self.queries_keys_values(x, w, rotary, head_dim, epsilon, dtype, tape)
  y = self.attend(qkv[0], qkv[1], qkv[2], mask, spans, scale, softcap, tape)
  return [self.after_attention(x, y, w, epsilon, post_norms, rate, attention_seed, mlp_seed, dtype, tape)] + tape

# language_block that also writes its keys and values into the cache at slots from, from + 1, ...
# and attends to all slots up to them. keys, values [B, K, slots, h]
def language_block_cached(self, x: Tensor, w: Dict[str, Tensor], head_dim: int, scale: float, softcap: float, epsilon: float, post_norms: bool, rotary: Tensor, mask: Tensor, dtype: int, keys: Tensor, values: Tensor, start: int) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  qkv = self.queries_keys_values(x, w, rotary, head_dim, epsilon, dtype, tape)
  n = x.size(1)
  torch.copy_(torch.narrow(keys, 2, start, n), qkv[1])
  torch.copy_(torch.narrow(values, 2, start, n), qkv[2])
  k = torch.to(torch.narrow(keys, 2, 0, start + n), qkv[0].dtype)
  v = torch.to(torch.narrow(values, 2, 0, start + n), qkv[0].dtype)
  y = self.attend(qkv[0], k, v, mask, annotate(List[int], []), scale, softcap, tape)
  return [self.after_attention(x, y, w, epsilon, post_norms, 0., 0, 0, dtype, tape)]

def language_norm(self, x: Tensor, w: Dict[str, Tensor], epsilon: float) -> List[Tensor]:
  return [self.rms_norm(x, w["scale"], epsilon)]

# While decoding, slots hold padded prompts and then generated tokens; the newest is the query.
# Visible slots, [B, 1, slots].
def decode_visible(self, prompt_lengths: Tensor, prompt_slots: int, slots: int) -> Tensor:
  slot = torch.view(torch.arange(slots, dtype=4, device=prompt_lengths.device), [1, 1, -1])
  return torch.logical_or(slot < torch.view(prompt_lengths, [-1, 1, 1]), slot >= prompt_slots)

# The same if several tokens are appended at once, the last one at the last slot; each attends to
# those before it; [B, n, slots].
def append_visible(self, prompt_lengths: Tensor, prompt_slots: int, slots: int, n: int) -> Tensor:
  slot = torch.view(torch.arange(slots, dtype=4, device=prompt_lengths.device), [1, 1, -1])
  query = torch.view(torch.arange(slots - n, slots, dtype=4, device=prompt_lengths.device), [1, -1, 1])
  return torch.logical_and(self.decode_visible(prompt_lengths, prompt_slots, slots), slot <= query)

# Positions of the slots' tokens in their rows, [B, slots]; those of padding are not used.
def decode_positions(self, prompt_lengths: Tensor, prompt_slots: int, slots: int) -> Tensor:
  slot = torch.unsqueeze(torch.arange(slots, dtype=4, device=prompt_lengths.device), 0)
  after = slot + torch.unsqueeze(prompt_lengths, 1) - prompt_slots
  return torch.where(slot < prompt_slots, slot, after)

def select_rows(self, x: Tensor, rows: Tensor) -> Tensor:
  return torch.index_select(x, 0, rows)
