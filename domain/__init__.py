"""What a payment and a refund are, and what may happen to them: pure rules, no I/O."""
