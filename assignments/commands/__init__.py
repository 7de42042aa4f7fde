"""Commands of `python -m assignments`, one file each; autograder/ is what goes into Gradescope's zip."""
