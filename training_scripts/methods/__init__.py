"""How weights are trained: full, LoRA."""
