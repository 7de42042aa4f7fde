"""Networks, what they are trained for, and the one trainer. A room imports from those below it alone.

deploy/        export, engines for inference, 8 bits, tiles; nothing of the trainer
trainer/       the loop, its settings, checkpoints, the run folder
tasks/         what is trained: losses, metrics, a Task for each kind of work
weights/       weight files read without unpickling, converted by name; networks by name (zoo.py)
networks/      one file a network, tables on top
fast/          layers on oneDNN for training on CPUs
environment.py what must be set before Paddle is imported
pretrained/    weights that come with the kit, a card beside each
"""

from paddle_models.environment import prepare

prepare()  # must run before the first `import paddle` of the process
