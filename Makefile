# The commands live in bootstrap.sh, so that they also work where make is not installed.
.PHONY: help install reproduce test check clean

help install reproduce test check clean:
	@sh bootstrap.sh $@ $(ARGS)
