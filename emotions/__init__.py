"""From snapshot to reading: queue, worker, slices, flags, and the words for all of it."""
