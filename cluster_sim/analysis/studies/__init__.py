"""Studies that run scenarios to find out where an answer turns: crossings, and sensitivity to costs."""

from cluster_sim.analysis.studies.crossover import Asked, CrossoverStudy, crossover
from cluster_sim.analysis.studies.sensitivity import AskedCosts, SensitivityStudy, sensitivity

__all__ = ["Asked", "AskedCosts", "CrossoverStudy", "SensitivityStudy", "crossover", "sensitivity"]
