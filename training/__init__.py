"""Questions, rewards, policies and their honest evaluation."""
