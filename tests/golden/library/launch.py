"""A stand-in, so that the expected hashes stay when the real script changes."""
