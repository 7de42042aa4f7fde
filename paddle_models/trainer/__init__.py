"""The trainer: one loop for all works.

loop.py            the loop; fitting.py: fit, then take the best weights and say what result.json says
trial.py           what a training will need; rate_finder.py: which learning rate to begin with
settings.py        typed settings and presets; ranges.py: the range of a setting, beside its field
schedules.py, optimizers.py, layer_rates.py, precision.py, ema.py, early_stopping.py      what the settings choose
position.py        where a run stands; limits.py, signals.py: when it ends; messages.py: what it says
store_data.py      batches of a store for the loop; crop_data.py: of crops; batches.py: shared by both
checkpoint.py      networks and training state as safetensors; run_folder.py: all that a run leaves behind
progress.py        bars and log lines
runtime.py         device and threads; distributed.py: several processes
"""
