"""Training on CPUs: layers that call oneDNN, which Paddle's wheel brings but eager Paddle never uses.

onednn.py              oneDNN's C interface
fast_conv.py           convolution, forward and both gradients
fast_activations.py    GELU and PReLU
fast_layers.py         accelerate(network): which layers, compared with eager Paddle first
"""
