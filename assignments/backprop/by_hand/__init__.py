"""The mathematics of the course by hand, in NumPy.

backprop.py    the network: forward, gradients, the worked example
descent.py     gradient descent, momentum, AdaGrad, RMSProp, Adam
practice.py    a derivative worked out on paper, and the digits learned with all of it
autograd.py    numbers that derive themselves, and the worked example made of them
"""
