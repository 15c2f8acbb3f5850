"""The common parts of service processes: settings, database, consumers, HTTP edge, logs. No business logic here."""
