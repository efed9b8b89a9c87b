"""Python engines on the nodes of a Ray cluster. Only a worker uses it, and only this package imports `ray`."""
