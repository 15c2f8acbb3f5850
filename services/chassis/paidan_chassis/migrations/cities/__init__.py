"""What schema cities needs of the chassis: the scaled clock."""
