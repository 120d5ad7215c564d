"""One file per step kind: a planned step in, a step of the definition out."""
