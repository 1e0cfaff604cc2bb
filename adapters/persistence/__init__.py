"""Where orders, requests, events and evidence are kept."""
