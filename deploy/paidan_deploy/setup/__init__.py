"""What `deploy/set-up.sh` runs: the choice of a Python, and Java's class cache for Kafka."""
