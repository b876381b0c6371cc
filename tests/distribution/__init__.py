"""What is released, as somebody gets it who has nothing else: `harness` builds, checks, installs and uses it."""
