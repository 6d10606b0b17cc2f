"""One queueing model in our engine, SimPy, salabim and C++: the same arrivals, the same latencies, side by side."""
