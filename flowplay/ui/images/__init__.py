"""The page Images, a file for each of its sections."""
