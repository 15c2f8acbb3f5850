"""What every service process bolts on; knows no business word."""
