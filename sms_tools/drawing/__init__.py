"""One way of drawing for the board, the report and the terminal: words, colours, shapes.

Pure: numbers and texts go in, shapes come out. Every text is a stranger's until it is escaped, and
no colour says anything that a mark or a word does not say as well.
"""
