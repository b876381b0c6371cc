"""What is handed in, and what is collected: one zip for a lesson.

Handing in: `notebook` reads the saved file, `shown` finds the videos that it shows, `masking` takes keys and folders
out of the copy, `page` makes the page that plays anywhere, `packing` writes the zip.

Collecting: a zip comes from anybody. `archive` unpacks what is harmless of it, or refuses it whole; `submission` reads
what was unpacked, and refuses what is forged.
"""
