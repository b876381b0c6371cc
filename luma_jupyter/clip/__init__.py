"""What a user holds: clips and lists of them, and the session that they belong to.

No widgets and no IPython here: the user's variables, and how a clip reaches the page, are passed in.

clip       `Clip`, and what it needs of its session (`Owner`) and of the page (`Presenter`)
cut        `Cut`: which part of which clip, and what clips and cuts have in common
noted      `Noted`: the ★ and the note that somebody gives a clip
finding    which clips somebody looks for, as typed
saving     videos as files of the user's own
sheet      clips on a contact sheet
clip_list  `ClipList`: several clips, waited for and shown together
lazy_clip_list  the same of clips of earlier kernels, each read when it is looked at
found_keys keys that hosts keep, and the question before one of them pays
images     pictures as input: files, variables, and frames of clips
source     what extend and modify start from, as the user gave it
film_parts what films are made of, as the user gave it
names      from a clip to the word that a cell can use for it
braces     prompts of Python functions that look like a cell's
lineage    where a clip comes from, and what came of it
confirm    several new videos: number and price, and the question above a limit
grid       rows × axes × takes of a batch
notices    what is printed at loading, of clips that earlier kernels left
prompt_notices  what is said of a prompt before it is sent
notifier   the user's function that is called with what has ended
axes       what differs between clips, as the labels of rows and columns
differing_words  what differs between prompts
ballot     votes on clips that are known by numbers alone
session    one for a kernel: the engine, its clips, the user's variables
"""
