"""What is trained and how it is scored.

task.py                    the interface between a work and the trainer
classification.py, binary_task.py, attribute_task.py, super_resolution_task.py, adversarial.py    one each
losses.py                  losses that Paddle lacks
metrics.py, attribute_metrics.py, image_metrics.py, calibration.py    NumPy in, numbers out
complexity.py, gradcam.py  multiply-adds; heat maps
modes.py                   train and eval mode, for a while
"""
