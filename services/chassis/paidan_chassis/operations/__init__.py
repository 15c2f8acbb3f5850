"""HTTP routes for those who operate a service: its dead letters and its halts."""
