"""A WeChat Pay APIv3 simulator, written from the protocol reference alone."""
