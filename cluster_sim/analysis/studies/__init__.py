"""Studies that run scenarios to find out where an answer turns: crossings, and sensitivity to costs."""

from cluster_sim.analysis.studies.crossover import CrossoverStudy, crossover

__all__ = ["CrossoverStudy", "crossover"]
