"""Which catalogue row a case is filed against and which department must act. No I/O."""
