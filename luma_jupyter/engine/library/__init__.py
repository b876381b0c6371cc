"""The media folder beside the notebook: videos, and the two files beside each.

sidecars     the JSON file that says where a video came from, and by which it is found again
index        which sidecars answer a request, without listing the folder each time
slugs        how file names begin: a prompt's first words
folder       how a video gets there, whole or not at all
whole_files  files written as a whole, or not at all
space        room on the disk, looked for before a video is paid for
film_files   the hidden files of a film while it is made
thumbnails   a picture of each video
"""
