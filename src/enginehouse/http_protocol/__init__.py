"""HTTP connections: what a client may send before and beside its request, and how long it may take."""
