"""How far ratios move over the ranges of all costs together: from whole runs, or quickly from lone transfers."""
