"""PostgreSQL by asyncpg: held connections, prepared statements, one round trip a commit."""
