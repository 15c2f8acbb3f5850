"""Programs that `deploy/set-up.sh` runs: the choice of a Python, and Java's AOT cache for Kafka."""
