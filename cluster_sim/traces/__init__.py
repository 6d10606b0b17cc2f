"""Real inputs, video files and lists of frames, in one Arrow form that workloads replay."""
