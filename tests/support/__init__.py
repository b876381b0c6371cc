"""What tests of several folders share: settings, loops, services that are played, an engine or a shell around them."""
