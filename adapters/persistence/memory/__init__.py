"""A store that lives as long as its process, and honours commit, versions and unique keys."""
