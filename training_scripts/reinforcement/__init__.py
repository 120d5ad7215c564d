"""Reinforcement: what a model writes is rewarded, and trl's trainers make it likelier."""
