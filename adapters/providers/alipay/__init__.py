"""Alipay: payments, refunds and callbacks over gateway.do."""
