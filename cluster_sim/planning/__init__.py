"""From a resolved scenario to one host's tables: queues, layout, placement, programs, state at boot; checks."""
