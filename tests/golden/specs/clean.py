"""A user's script with a module next to it."""

from words import count

TOTAL = count("a b")
