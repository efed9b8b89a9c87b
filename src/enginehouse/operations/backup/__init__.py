"""Backups: a database and its bytes as they were at one moment, in one file, and a server made again from it."""
