"""A provider that behaves: payers act on it, and it can fall silent."""
