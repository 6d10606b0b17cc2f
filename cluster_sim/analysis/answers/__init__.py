"""Numbers put into words: verdicts, hypotheses, and the costs that could overturn them."""
