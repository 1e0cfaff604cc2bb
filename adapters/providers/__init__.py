"""The parties that take money for us, and what they share."""
