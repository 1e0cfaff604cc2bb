"""WeChat Pay APIv3 for direct merchants."""
