"""What the provider simulators share: book, clock, faults, callbacks and the payer's phone."""
