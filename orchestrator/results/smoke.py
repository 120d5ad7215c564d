"""How a smoke run is told from a real one, in what a backend recorded."""

SMOKE = "Smoke"
"""The parameter that every definition of ours has; true in a smoke run."""
DOOR = "-unless-smoke"
"""Ends the name of the Condition step around a step that a smoke run leaves out."""
