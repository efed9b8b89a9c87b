"""The open, self-hosted server for AI jobs."""

__version__ = "0.1.0"
