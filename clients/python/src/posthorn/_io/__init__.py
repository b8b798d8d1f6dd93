"""Requests, tasks and threads: what carries out the decisions of `_core`."""
