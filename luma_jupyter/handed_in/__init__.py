"""What is handed in, and what is collected: one zip for a lesson.

notebook    a notebook's file, checked
shown       which videos it shows
video       a video, what its sidecar says to others, and a person's note
masking     keys and folders, taken out of the copy
markdown    words as harmless HTML
page        the page that plays anywhere
packing     handing in: the zip as a whole
archive     collecting: what is harmless of a zip is read and unpacked, or all of it is refused
answers     what a notebook asked, and whether its answers are right
submission  what each student's zip has; what is forged is refused
"""
