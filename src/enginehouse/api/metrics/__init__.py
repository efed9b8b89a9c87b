"""`GET /metrics`: the numbers of a server for Prometheus, and what scales by them."""
