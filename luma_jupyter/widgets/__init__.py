"""What lives in the page: one front end each, its Python, script and style sheet side by side.

How news of a task reaches the page, from top to bottom::

    the service's answer   providers/acedata.py      → `TaskState`
      Poller               engine/run/poller.py      ends the wait of its run
        TaskRun            engine/run/task_run.py    makes a new snapshot
          Handle.emit      engine/handle.py          writes it down, then tells who listens
            LiveCard       widgets/base.py           asks for its turn
              UpdateQueue  display/update_queue.py   draws it when the page can take it
                Card.send_changes    widgets/card.py         sets the model's traits; card.js draws them,
                                                             and moves bar and time along the curve it was given
                final HTML                           views/clip_html.py, in the place of the card

And where no page shows the widget (display/page.py hears no answer), the card's plain HTML is brought forward instead.

base        what all widgets share (base.js); ensemble.js: videos that play as one
card        one clip (card.js, card.css), whether the page can load its video (reach.js), and whether somebody wishes
            to be told of its end (tell.js)
table_card  many clips
posters     where a page finds the poster of a clip
presenter   shows clips where the user is: in a notebook, or in a terminal
notes       what galleries and comparisons share: a ★ and a note on each clip (notes.js, notes.css)
gallery     clips as posters: those that are completed by now, and a large player
compare     clips side by side
sheet       clips as a table with labels, or as numbers to vote on
collection  what students have handed in, by student
studio      forms for what the magics do, and the queue of running clips
"""
