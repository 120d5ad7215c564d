"""Formats, templates, cleaning, splitting, packing."""
