"""The ``%%luma`` language: from the text of a cell to a checked command. Reading sends nothing.

options      all options and all words of ``%luma``: parser, help, completion and form are made from these tables
lookup       what a word in a cell means: a variable, one of a list, a clip's key, a frame
parser       the line behind ``%%luma``, read and written
expressions  what stands in double braces in a prompt
prompt_cell  cells that are written for somebody: a prompt used again
command      a cell as a whole: read, carried out, or only shown
film         a film as a line or a cell asks for it
completion   what an unfinished word can become
"""
