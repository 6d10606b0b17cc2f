"""Every random number, by name: keyed draws in Python, and draws by number in compiled code."""
