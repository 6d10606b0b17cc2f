"""Speed, apart from the tests: medians and ratios of one run, with the machine named."""
