"""The event platform on NATS JetStream. It is never the only copy of anything that matters."""
