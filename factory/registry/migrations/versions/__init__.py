"""The steps. Each names the one before it; none is changed after it was released."""
