"""What is written wrong, given to the commands themselves: each says where and what was expected, and starts nothing.

The tables of the parsers' own tests are run here too, through the command that a person types.
"""
