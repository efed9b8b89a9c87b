"""Engines that answer over HTTP, as the published engine protocol says: `GET ready`, `POST process`, and webhooks."""
