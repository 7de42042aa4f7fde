"""What the works share.

runner.py        the command line of a run; runs.py: runs named by people
judging.py       what a judge needs
export.py        the best network of a run for use without its code
media.py         pictures, folders and videos for predict
command_line.py  errors told in one line
iris.py          optimizers compared on Iris, for two works
"""
