# The layers that BlockChainTest chains: tanh(x W^T + b) * factor
def layer(self, x: Tensor, w: Dict[str, Tensor], factor: float) -> List[Tensor]:
  tape = annotate(List[Tensor], [])
  return [torch.tanh(self.affine(x, w["w"], w["b"], 6, tape)) * factor] + tape
