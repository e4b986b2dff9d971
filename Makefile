# Classroom Pulse. `make help` lists what there is to make; everything is safe to repeat.

PYTHON_IN = .venv/bin/python
SERVE_STAMP = .venv/.installed-serve
TRAIN_STAMP = .venv/.installed-train
DEV_STAMP = .venv/.installed-dev
NODE_STAMP = node_modules/.installed
PIP = $(PYTHON_IN) -m pip install --quiet --disable-pip-version-check
# Modules whose facts the engines could change: they run again on Postgres and Redis.
SHAPED = access_table audit closing consent dashboard_views history hostile join judge lessons \
	layer_messages meters metrics participants past presence publish retention room slices sockets \
	student_pages student_socket taps teacher_socket writing
SECOND_SHAPE = $(SHAPED:%=tests/test_%.py)
# The demo keeps to a database file of its own, whatever this shell is set up for.
DEMO = env -u DATABASE_URL -u DATABASE_URL_FILE -u REDIS_URL -u REDIS_URL_FILE \
	-u FRAMES_REDIS_URL DATA_DIR=var/demo
YES = $(filter-out 0 off no false,$(1))

export PYTHON NO_APT

.PHONY: help run demo test check format bench bench-page bench-school card screenshots assets texts clean
.PHONY: environment

help:
	@echo "make run     install what is needed, then serve on http://localhost:8000"
	@echo "             PORT=8001       another port"
	@echo "             BIND=0.0.0.0    another address (then also state ALLOWED_HOSTS)"
	@echo "             HTTPS=1         serve this machine's network on https, port 8443"
	@echo "make demo    a practice class with a ready account, in var/demo (PORT=8001: another port)"
	@echo "make test    install what the tests need, then run them all"
	@echo "             ARGS='-k join'  words for pytest;  NO_APT=1  no system packages"
	@echo "make check   formatting, lint, types, migrations"
	@echo "make bench   frames per second here, beside the original's way of doing it"
	@echo "make bench-page   what 200 students cost the teacher's browser (ARGS='--minutes 2')"
	@echo "make bench-school   what two processors bear of a school (eight minutes; else idle)"
	@echo "make card    measure the exported network and write its card (DATA=fer2013.npz)"
	@echo "make screenshots   pictures of every page (ten minutes; ARGS='--to FOLDER')"
	@echo "make texts   gather every text for the translators' files, and compile them"
	@echo "make assets  fetch and copy what pages load (fonts, icons, Plotly, face model)"
	@echo "make clean   remove what was installed; keeps var/, the data"

# The environment comes first, in a make of its own: a .venv that was broken is made anew, and only
# after that can it be told what is missing in it.
run: environment
	@$(MAKE) -s --no-print-directory $(SERVE_STAMP) assets
	@exec $(PYTHON_IN) manage.py serve $(if $(BIND),--bind "$(BIND)") $(if $(PORT),--port "$(PORT)") \
		$(if $(call YES,$(HTTPS)),--https)

demo: environment
	@$(MAKE) -s --no-print-directory $(SERVE_STAMP) assets
	@exec $(DEMO) $(PYTHON_IN) manage.py demo $(if $(PORT),--port "$(PORT)")

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

# Without DATA the card is written again from the figures that are kept.
card: environment
	@$(MAKE) -s --no-print-directory $(SERVE_STAMP) assets
	@$(PYTHON_IN) -m ml.card $(if $(DATA),--data "$(DATA)") $(ARGS)

bench-school: environment
	@tools/prerequisites.sh
	@$(MAKE) -s --no-print-directory $(DEV_STAMP)
	@$(PYTHON_IN) tools/bench_school.py $(ARGS)

bench-page: environment
	@tools/prerequisites.sh
	@$(MAKE) -s --no-print-directory $(DEV_STAMP) assets
	@$(PYTHON_IN) tools/bench_page.py $(ARGS)

screenshots: environment
	@tools/prerequisites.sh
	@$(MAKE) -s --no-print-directory $(DEV_STAMP) assets
	@$(PYTHON_IN) tools/screenshots.py $(ARGS)

texts: environment
	@$(MAKE) -s --no-print-directory $(DEV_STAMP)
	@$(PYTHON_IN) tools/texts.py

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
