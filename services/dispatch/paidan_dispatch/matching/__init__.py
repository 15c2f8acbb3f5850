"""Which reports are about the same thing. No I/O."""
