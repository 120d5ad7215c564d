"""A script that travels with its folder."""

DONE = True
