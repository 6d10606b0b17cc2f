"""Who runs a scenario: hosts and guests as plain objects, the same as Ray actors, and the driver of both."""
