"""The engine: takes specs, runs each task on one background loop, and tells listeners what happens. It never draws.

How a prompt becomes a paid request, from top to bottom; the only way back up is that it is written down before it
leaves::

    a cell                  cells/command.py        reads the line with cells/parser.py into a `TaskSpec`
    or luma.generate(…)     api/create.py           builds the `TaskSpec`
      session.create        clip/session.py         plans it, submits it, and gives the clip
        Engine.plan         engine/plan.py          which service, what would be sent, what stands against it
        Engine.submit       engine/engine.py        finds what answers it, or enters a new task into the journal
          TaskRunner.start  engine/run/runner.py    begins its run on the loop
            TaskRun         engine/run/task_run.py  the states of a task, one after the other
              Submission    engine/run/submission.py
                ↑ before_send: written into the journal, a moment before the body leaves
                AceData.submit, RunApi.submit       providers/acedata.py, providers/runapi.py
                  Requests.submit                   providers/http/requests.py

Its rooms: ``run`` is a task's way, ``store`` what is on disk around each step that costs, ``library`` the media folder.

engine         the door: plan, submit, resume
task_spec      all that somebody says who wants a video
plan           what submitting it comes to
handle         one task as others see it
repository     what is known of all tasks ever asked for
recovery       what an earlier entry means now
budget         prices, and the day's limit
provider_pool  which service, and its client
local_files    the user's pictures and videos as input
ending         what an orderly end of the program leaves behind
loop_thread    the one thread and its loop
fork           what must happen when a process forks
"""
