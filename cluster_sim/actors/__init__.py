"""Ray and nothing else: actors as shells of hosts and guests, their conductor, where they go on a cluster."""
