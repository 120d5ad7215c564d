"""Models put to use: what an endpoint, a batch transform or a program on this machine asks."""
