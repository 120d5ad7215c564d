"""Stands for a training script; it is read, never run."""

import words
