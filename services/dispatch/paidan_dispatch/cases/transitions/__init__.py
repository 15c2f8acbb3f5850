"""One module a business act: what it checks in detail, and the events and states that follow."""
