"""One noun for all movement: a Transfer, its plan, states, queue, workers, progress and journal. No Qt."""
