"""Studies that run scenarios to find out where an answer turns: crossings, and sensitivity to costs."""
