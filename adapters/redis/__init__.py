"""Comfort shared by many processes: locks, answers, tokens. Losing all of it costs time only."""
