"""City packs: read, checked and put in force."""
