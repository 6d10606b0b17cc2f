"""Virtual time: the compiled event loop that runs step programs against servers, shared bandwidth and memory."""
