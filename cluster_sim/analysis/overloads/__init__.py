"""Work that is offered at a rate which a variant does not sustain: what is lost, what is short, what it sustains."""
