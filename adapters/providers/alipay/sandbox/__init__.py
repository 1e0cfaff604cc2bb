"""A pretended Alipay: the gateway.do protocol as the reference tells it, in key mode."""
