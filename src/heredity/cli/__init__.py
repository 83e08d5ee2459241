"""The command line. Commands are loaded when they are called."""
