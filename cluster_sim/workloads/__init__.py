"""What guests ask: arrivals of frames a window at a time, and what a player makes of their delivery."""
