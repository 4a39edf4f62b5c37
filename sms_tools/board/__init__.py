"""The fleet board: a page that a client with MCP Apps shows beside an answer, and its data.

Nothing here is loaded before such a client first reads the page or first gets an answer.
"""
