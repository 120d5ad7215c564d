"""How weights are trained: full, an adapter of peft's, or interventions (ReFT)."""
