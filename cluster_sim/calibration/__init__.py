"""Measuring the machine that runs: copies, faults, system calls, shootdowns, exits, as costs with their spread."""
