"""The trainer: one loop for all works.

loop.py            the loop; fitting.py: fit, then take the best weights
settings.py        typed settings and presets; schedules.py, optimizers.py, precision.py, ema.py, early_stopping.py
store_data.py      batches of a store for the loop; crop_data.py: of crops; batches.py: shared by both
checkpoint.py      networks and training state as safetensors; run_folder.py: all that a run leaves behind
progress.py        bars and log lines
runtime.py         device and threads; distributed.py: several processes
"""
