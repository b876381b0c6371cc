"""How things look: pure functions from data to text, HTML and SVG. No IPython, no I/O.

host         where this code runs, and so how a video is shown there: the decision
places       where the notebook is, and which files its page can reach
clip_state   all that a drawing of a clip needs
text         words for people: times, sizes, what was asked for, how it stands
html         the pieces that all HTML is made of
player       a video's player, and captions
clip_html    a clip's card
bar_html     bars without a script: along the usual time, and where they were told to be
film_outline what making a film would come to
table        many clips as a table
differing    the part by which their prompts differ
gallery      clips as posters
collection   what students have handed in, by student
comparison   clips side by side
sheet        clips as a table with labels of rows and columns, and as a page of its own
note         a person's note on a clip, beside its video
history      the journal's tasks as a table, and for pandas
account      the service's own list of tasks beside ours
exchanges    what went over the wire for a clip, as text and as a timeline
lineage_svg  the tree that a clip belongs to
"""
