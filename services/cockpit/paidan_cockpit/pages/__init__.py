"""What people see: pages, forms, and the stream that keeps an open page up to date."""
