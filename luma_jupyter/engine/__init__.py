"""The engine: takes specs, runs each task on one background loop, and tells listeners what happens. It never draws.

How a prompt becomes a paid request, from top to bottom. One call goes the other way: the journal is written a moment
before the body is sent::

    a cell                  cells/command.py        reads the line with cells/parser.py into a `TaskSpec`
    or luma.generate(…)     api/create.py           builds the `TaskSpec`
      session.create        clip/session.py         plans it, submits it, and returns the clip
        Engine.plan         engine/plan.py          which service, what would be sent, or why it cannot be
        Engine.submit       engine/engine.py        in one transaction: finds the earlier task that answers it
                                                    (engine/reuse.py), or enters a new one into the journal
          TaskRunner.start  engine/run/runner.py    begins its run on the loop (of a film: engine/run/film_run.py)
            TaskRun         engine/run/task_run.py  the states of a task, one after the other
              Submission    engine/run/submission.py
                ↑ before_send: written into the journal, a moment before the body leaves
                AceData.submit, RunApi.submit       providers/acedata.py, providers/runapi.py
                  Requests.submit                   providers/http/requests.py

Folders: ``run`` runs one task from submission to saved video, ``store`` is the journal, ``library`` the media folder.

engine         plan, submit, resume, adopt: what the rest of the package calls
task_spec      a request with its options
plan           a request checked: service, payload, price, or the reason why not
handle         one task: its snapshots and listeners
repository     all known tasks: this kernel's, the journal's, the media folder's
past           tasks as a sequence, each read when it is looked at
notes          a person's notes on tasks: in sidecars, else in the journal
reuse          the earlier task that answers an equal request, so nothing is paid twice
recovery       tasks whose kernel is gone: their status, and where they go on
adoption       tasks that were made elsewhere, found by their id
budget         prices, and the day's limit
costs          what calls cost next to that limit; asks for prices that have to be known
services       what is asked of services: what is left, what was charged, whether they answer
provider_pool  choice of the service, and its client
local_files    the user's pictures and videos as input
frames         frames of clips as input, once these are done
films          films: the files that one is made of, and what makes it
ending         the summary when the program ends with tasks under way
exchanges      recorder of what goes over the wire for clips
masking        what of that may be kept and shown
loop_thread    the one thread and its loop
"""
