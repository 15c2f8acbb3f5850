"""Java archives from Maven's repository, locked with checksums: Apache Kafka, and JavaScript libraries as WebJars."""
