"""The conservation check: nothing is lost or counted twice, by comparing the logs with every table."""
