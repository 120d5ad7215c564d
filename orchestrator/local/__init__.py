"""Backend: runs a definition on this machine."""
