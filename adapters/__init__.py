"""One package per party or technology behind the ports."""
