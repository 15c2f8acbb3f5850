"""Kafka clients: cluster configuration, producer, topic administration, CloudEvents. No consumer here."""
