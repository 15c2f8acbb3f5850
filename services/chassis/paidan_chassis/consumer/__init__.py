"""The fenced batch consumer: each batch is one PostgreSQL transaction with its offsets and its outbox."""
