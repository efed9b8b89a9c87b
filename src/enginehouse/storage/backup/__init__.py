"""One snapshot of a whole database, read while servers use it, and written into an empty database."""
