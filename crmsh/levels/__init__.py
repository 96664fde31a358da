"""The levels of the shell and their commands; a level's module is imported when it is first entered."""
