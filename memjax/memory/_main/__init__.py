"""The trace-driven main memory: configuration, controller, timing, energy, statistics."""
