"""Standard Webhooks over HTTP, to addresses that apps chose: trusted with nothing."""
