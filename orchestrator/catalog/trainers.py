"""The libraries that a trainer of ours stands on and images lack, at the versions tested."""

from __future__ import annotations

TRL = "trl==1.16.0"
"""Its RLOOTrainer and GRPOTrainer; AWS's images carry none or an older one."""
