"""A stand-in for the script of the same name."""

from training_scripts import container

LIBRARY = container.__name__
