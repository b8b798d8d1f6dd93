"""What the client decides: without I/O, clock or event loop, and shared by the sync and the async client."""
