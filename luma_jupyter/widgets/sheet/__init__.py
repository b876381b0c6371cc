"""`Sheet`: clips as a table with labels, or as numbers to vote on (sheet.py, sheet.js, sheet.css).

play.js is for sheets in a notebook and for those that are pages of their own; saving makes files of a sheet.
"""
