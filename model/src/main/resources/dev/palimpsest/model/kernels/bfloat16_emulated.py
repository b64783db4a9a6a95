# has_bfloat16 of bfloat16.py for processors without such instructions.
def has_bfloat16(self) -> bool:
  return False
