"""What `basepay doctor` looks at, one file a subject."""
