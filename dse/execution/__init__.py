"""Where and how the tool runs: shims, places, policy, and the engine that the backends share."""
