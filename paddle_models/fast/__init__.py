"""Training on CPUs: layers that call oneDNN, which Paddle's wheel brings but eager Paddle never uses.

fast_layers.py     accelerate(network): which layers and blocks, each kind compared with eager Paddle first
layers.py          how a layer of Paddle becomes a node, and a block of layers a chain
chains.py          notes what a forward pass does, writes it as a program, runs that as one differentiable operation
nodes.py           kinds of nodes: normalisation, activations, pooling, sums; convolution.py: the largest one
program.py         primitives one after the other on planned memory
onednn.py          oneDNN's C interface; bfloat16.py: the same chains in shorter numbers

A new layer: a class in nodes.py (Kind) that writes its steps forward and backward, a class in layers.py that says which
node it is, one line in LINKS there. `accelerate` compares it with eager mode; a block with it goes into the tests'
test_chains.py.
"""
