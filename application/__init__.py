"""What basepay does: one use case a file, asking the world through ports."""
