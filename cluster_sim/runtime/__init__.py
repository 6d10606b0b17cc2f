"""One shard in one process, the reference that Ray must equal: hosts, guests' software, exchange, snapshots."""
