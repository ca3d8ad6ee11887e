"""Where recordings come from, one kind of source a file: each gives a `Source` or says in one line what is wrong."""
