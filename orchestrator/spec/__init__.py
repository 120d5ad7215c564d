"""What the user writes: pydantic models, one file per family of step kinds, and the YAML reader."""
