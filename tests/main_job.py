"""The definition that many tests run: every technology along every path, by two axes."""

from pathlib import Path

MAIN_JOB = str(Path(__file__).parent / "data" / "swiotlb_vs_zero_copy.yaml")
