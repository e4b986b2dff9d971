# Classroom Pulse. `make help` lists what there is to make; everything is safe to repeat.

PYTHON_IN = .venv/bin/python
SERVE_STAMP = .venv/.installed-serve
TRAIN_STAMP = .venv/.installed-train
DEV_STAMP = .venv/.installed-dev
NODE_STAMP = node_modules/.installed
PIP = $(PYTHON_IN) -m pip install --quiet --disable-pip-version-check
# Modules whose facts the engines could change: they run again on Postgres and Redis.
SHAPED = access_table audit closing consent dashboard_views history hostile join judge lessons \
	layer_messages meters metrics participants presence publish retention room slices sockets \
	student_pages student_socket taps teacher_socket writing
SECOND_SHAPE = $(SHAPED:%=tests/test_%.py)
YES = $(filter-out 0 off no false,$(1))

export PYTHON NO_APT

.PHONY: help run test check format bench screenshots assets clean environment

help:
	@echo "make run     install what is needed, then serve on http://localhost:8000"
	@echo "             PORT=8001       another port"
	@echo "             BIND=0.0.0.0    another address (then also state ALLOWED_HOSTS)"
	@echo "             HTTPS=1         serve this machine's network on https, port 8443"
	@echo "make test    install what the tests need, then run them all"
	@echo "             ARGS='-k join'  words for pytest;  NO_APT=1  no system packages"
	@echo "make check   formatting, lint, types, migrations"
	@echo "make bench   frames per second here, beside the original's way of doing it"
	@echo "make screenshots   pictures of every page (ten minutes; ARGS='--to FOLDER')"
	@echo "make assets  fetch and copy what pages load (fonts, icons, Plotly, face model)"
	@echo "make clean   remove what was installed; keeps var/, the data"

# The environment comes first, in a make of its own: a .venv that was broken is made anew, and only
# after that can it be told what is missing in it.
run: environment
	@$(MAKE) -s --no-print-directory $(SERVE_STAMP) assets
	@exec $(PYTHON_IN) manage.py serve $(if $(BIND),--bind "$(BIND)") $(if $(PORT),--port "$(PORT)") \
		$(if $(call YES,$(HTTPS)),--https)

test:
	@tools/prerequisites.sh
	@tools/environment.sh
	@$(MAKE) -s --no-print-directory $(DEV_STAMP) assets
	@$(PYTHON_IN) -m pytest $(ARGS)
	@$(if $(ARGS),:,echo "The second shape: Postgres and Redis" && \
		$(PYTHON_IN) -m tests.services $(PYTHON_IN) -m pytest $(SECOND_SHAPE))

check: environment
	@$(MAKE) -s --no-print-directory $(DEV_STAMP)
	$(PYTHON_IN) -m ruff format --check .
	$(PYTHON_IN) -m ruff check .
	$(PYTHON_IN) -m mypy
	$(PYTHON_IN) manage.py makemigrations --check --dry-run

format: environment
	@$(MAKE) -s --no-print-directory $(DEV_STAMP)
	$(PYTHON_IN) -m ruff format .
	$(PYTHON_IN) -m ruff check --fix .

bench: environment
	@$(MAKE) -s --no-print-directory $(TRAIN_STAMP) assets
	@$(PYTHON_IN) -m ml.bench $(ARGS)

screenshots: environment
	@tools/prerequisites.sh
	@$(MAKE) -s --no-print-directory $(DEV_STAMP) assets
	@$(PYTHON_IN) tools/screenshots.py $(ARGS)

assets: environment $(NODE_STAMP)
	@$(PYTHON_IN) tools/assets.py

clean:
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache

# Cheap when .venv is there and works, so it is asked each time.
environment:
	@tools/environment.sh

# A stamp inside .venv goes with it, so a new .venv is filled again.
$(SERVE_STAMP): requirements-serve.txt
	@echo "Installing what the server needs (about a minute)"
	@$(PIP) -r requirements-serve.txt
	@touch $@

$(TRAIN_STAMP): requirements.txt requirements-serve.txt
	@echo "Installing TensorFlow, to train and compare (1.3 GB)"
	@$(PIP) -r requirements.txt
	@touch $@ $(SERVE_STAMP)

$(DEV_STAMP): requirements-dev.txt requirements.txt requirements-serve.txt
	@echo "Installing what tests and checks need (TensorFlow among it: 1.3 GB)"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(TRAIN_STAMP) $(SERVE_STAMP)

$(NODE_STAMP): package.json package-lock.json .npmrc
	@command -v npm >/dev/null || { echo "npm is missing. Install Node.js 18 or newer, on Debian:" \
		"sudo apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing what pages load"
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
