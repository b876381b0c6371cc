"""`StudioForms`: a form (form.py, form.js, form.css), and the live queue below it.

clip_choices   the clips that a form offers
upload         files that come from the page
form           the fields, and what they come to
queue          all that is under way
studio         both together
"""
