"""The processes: settings, wiring and the command line."""
