"""Published end-to-end results, the definitions that reproduce them, and how near the model comes."""
