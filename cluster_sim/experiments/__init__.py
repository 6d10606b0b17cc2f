"""An experiment from its first run to its last: driver, resume, manifests, the pools that studies use."""
