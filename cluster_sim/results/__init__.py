"""What a run leaves behind: columns, parts, manifest. Plain data that any room may import."""
