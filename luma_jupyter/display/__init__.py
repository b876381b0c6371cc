"""How things reach the page: where the code runs, which outputs there are, and when cards are drawn.

environment   where this code runs, and the user's variables
outputs       mimebundles of widgets, notes and questions
page          whether somebody in the page sees what lives
embedding     the video inside the notebook
update_queue  when cards are drawn
activity      what keeps a kernel from seeming idle
"""
