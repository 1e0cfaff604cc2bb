"""Orders, requests, events and evidence in a SQL database."""
