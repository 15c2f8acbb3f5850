"""What clients may read over HTTP: cases, queues, orders."""
