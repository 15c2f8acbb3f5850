"""What is known of Kafka without lanes: the cluster, producing, topics, CloudEvents."""
