"""One module per group of commands: parse, call `flow`, print. No logic of their own."""
