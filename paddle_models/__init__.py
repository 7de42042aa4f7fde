"""Networks, losses, metrics and the one trainer."""

from paddle_models.environment import prepare

prepare()  # must run before the first `import paddle` of the process
