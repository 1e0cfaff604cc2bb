"""Locks and the event platform inside one process; durability is the database's."""
