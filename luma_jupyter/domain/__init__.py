"""The values that the folders hand each other: frozen, checked when built. No I/O, no clock, no HTML.

vocabulary       actions, services, aspect ratios, status words
identifiers      which words can be names of variables
visibility       which characters can be seen
urls             checks of URLs: web or local, their origin, and how they are shown
secret           keys and logins, masked wherever they are shown
mp4              what is in an MP4 or MOV file
media            kinds of files, told by their bytes, and `LocalFile`
pieces           what films are made of: stretches of clips and of files
requests         generate, extend, modify and film requests
fingerprint      the hash that is equal for equal requests
money            prices, charges and balances
prompts          the script that a prompt is written in
folding          texts as they are searched, whatever their case and width
note             a person's note on a clip
prompt_words     words for light, camera, style and more, in English and Chinese
exchange         what went over the wire for a clip, step by step, and why
spreadsheets     tables in which nobody's word is a formula
task             a service's answer about a task, and a task's snapshot
duration_model   how long tasks take, and when to poll
"""
