"""Actions from outside, by HTTP or a department's topic, on their way into the inbox. Nothing is decided here."""
