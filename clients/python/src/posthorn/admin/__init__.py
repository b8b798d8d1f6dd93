"""Administration: topics, queues and all else that is declared. Each call is written once, and bound twice."""
