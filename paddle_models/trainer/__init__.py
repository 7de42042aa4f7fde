"""The one trainer: its settings, the loop, optimizers and schedules, checkpoints, early stopping and the run folder."""
