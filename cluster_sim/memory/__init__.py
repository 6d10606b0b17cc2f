"""State and rules of guest memory: guest_memfd and swiotlb; no prices, no time.

The compiled functions here are the ones that the engine runs; the classes are their Python face.
"""
