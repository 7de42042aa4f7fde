"""One folder per reproduced work; each pairs a runner with a script that redraws its figures."""
