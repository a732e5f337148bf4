"""What gatemend does on a real machine. One file per promise; each test has a machine of its own."""
