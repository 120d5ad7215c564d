"""What a model is worth: metrics with intervals, beside its base and simple baselines."""
