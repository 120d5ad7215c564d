"""Plan to definition: one function per step kind."""
