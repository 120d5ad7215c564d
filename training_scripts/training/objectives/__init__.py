"""What a run learns: the next token, or which of two answers people prefer."""
