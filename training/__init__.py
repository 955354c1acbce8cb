"""Questions, rewards, policies and their evaluation."""
