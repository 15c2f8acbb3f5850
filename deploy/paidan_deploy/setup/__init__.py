"""Programs that `deploy/set-up.sh` runs: the choice of a Python, web libraries, and Java's AOT cache for Kafka."""
