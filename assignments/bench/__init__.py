"""Speed of the kit beside what people would otherwise run, measured in turns: python -m assignments bench."""
