"""Stands for a training script; it is read, never run."""

from words import count

STEPS = count("a b c")
