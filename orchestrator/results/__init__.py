"""How an execution ended: metrics, artifacts, reports; the same shape from both backends."""
