# Whether the processor has instructions that multiply bfloat16.
def has_bfloat16(self) -> bool:
  return True
