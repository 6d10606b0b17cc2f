"""`python -m cluster_sim`."""

from cluster_sim.cli import main

main()
