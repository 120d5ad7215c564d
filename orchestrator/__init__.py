"""fmo, the foundation-model orchestrator."""
