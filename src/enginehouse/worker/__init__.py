"""A worker on another machine: the runtime with a server that it reaches over HTTP."""
