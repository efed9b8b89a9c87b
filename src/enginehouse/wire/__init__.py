"""What a worker and its server send each other; nothing here knows how it is sent."""
