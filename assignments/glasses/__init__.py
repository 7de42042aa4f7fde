"""Glasses or no glasses: a small binary CNN, packed records and a search for its settings (course project, Milan,
2021)."""
