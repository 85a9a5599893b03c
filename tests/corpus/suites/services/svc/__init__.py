"""What a long-running service does around its work: logging, hooks, workers, contexts, registries."""
